import { unauthorized } from "./errors.ts";
import { PLATFORM_ACCOUNT } from "./store.ts";
import type { World } from "./world.ts";

/** The caller: its account and its mode. */
export type Caller = { key: string; account: string; livemode: boolean };

/** Reads the key and the account headers. Throws Stripe's 401 or 403. */
export function authenticate(world: World, headers: Record<string, string | string[] | undefined>): Caller {
  const key = keyOf(String(headers.authorization ?? ""));
  if (key === "") {
    throw unauthorized(
      "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth " +
        "(e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
    );
  }
  const mode = /^(?:sk|rk)_(test|live)_\w+$/.exec(key)?.[1];
  if (mode === undefined) throw unauthorized(`Invalid API Key provided: ${masked(key)}`);
  if (world.revokedKeys.has(key)) {
    throw unauthorized(`Expired API Key provided: ${masked(key)}`, { code: "api_key_expired" });
  }
  const own = world.accountOfKey.get(key) ?? PLATFORM_ACCOUNT;
  const context = String(headers["stripe-account"] ?? headers["stripe-context"] ?? "").split("/").at(-1)!;
  const account = context === "" ? own : context;
  const connected = account === own || (world.connectedAccounts?.has(account) ?? /^acct_\w+$/.test(account));
  if (!connected) {
    const message =
      `The provided key '${masked(key)}' does not have access to account '${account}' (or that account does ` +
      "not exist). Application access may have been revoked.";
    throw unauthorized(message, { code: "account_invalid", status: 403 });
  }
  return { key, account, livemode: mode === "live" };
}

/** Throws a 403 if a restricted key may not use this endpoint. */
export function requirePermission(world: World, key: string, endpoint: string): void {
  const forbidden = world.forbidden.get(key);
  if (forbidden === undefined || !(forbidden.has("*") || forbidden.has(endpoint))) return;
  const message = `The provided key '${masked(key)}' does not have the required permissions for this endpoint.`;
  throw unauthorized(message, { status: 403 });
}

function keyOf(authorization: string): string {
  if (authorization.startsWith("Bearer ")) return authorization.slice(7).trim();
  if (authorization.startsWith("Basic ")) return atob(authorization.slice(6)).split(":")[0]!;
  return "";
}

function masked(key: string): string {
  return `${key.slice(0, 8)}${"*".repeat(Math.max(0, key.length - 12))}${key.slice(-4)}`;
}
