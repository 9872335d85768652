import { verifyAuth } from "@supabase/server/core";
import { parseProject, parseSchedulerSecrets, type ReadVariable } from "../environment.ts";

/** Who starts a run: the scheduler, an operator or a server. */
export type Caller = { trigger: "schedule" | "operator" | "server"; requestedBy: string };

export type GateResult = { caller: Caller; refusal: null } | {
  caller: null;
  refusal: { status: 401 | 403; message: string };
};

/**
 * Admits three kinds of callers and no others.
 *
 * The scheduler sends its own secret in `x-lapse-secret`, which grants nothing else. An operator sends a user token whose
 * `app_metadata.lapse_role` is `operator`. A server sends a secret API key in `apikey`. A request with a wrong scheduler secret is
 * refused at once, whatever other credentials it carries.
 *
 * Each kind reads only the variables it needs, so that an operator is admitted and can read what the scheduler's configuration lacks.
 *
 * @throws ConfigurationError when the caller's credentials cannot be checked. A stranger must not learn why.
 */
export async function passGate(request: Request, readVariable: ReadVariable): Promise<GateResult> {
  const secret = request.headers.get("x-lapse-secret");
  if (secret !== null) {
    return await matchesAny(secret, parseSchedulerSecrets(readVariable))
      ? admit({ trigger: "schedule", requestedBy: "pg_cron" })
      : refuseStranger();
  }

  const env = parseProject(readVariable);
  const { data: auth, error } = await verifyAuth(request, { auth: ["secret:*", "user"], env: env as never });
  if (error) return refuseStranger();
  if (auth.authMode === "secret") return admit({ trigger: "server", requestedBy: `key:${auth.keyName ?? "default"}` });

  const user = auth.userClaims;
  if (user?.role === "authenticated" && user.appMetadata?.["lapse_role"] === "operator") {
    return admit({ trigger: "operator", requestedBy: user.id });
  }
  return { caller: null, refusal: { status: 403, message: "Only operators may start a run" } };
}

/** The same answer to every caller without valid credentials, whatever the cause. */
export function refuseStranger(): GateResult {
  const message = "No valid credentials: send a scheduler secret, a user token or a secret key";
  return { caller: null, refusal: { status: 401, message } };
}

function admit(caller: Caller): GateResult {
  return { caller, refusal: null };
}

/** Compares every secret, over digests of equal length, so that the time taken reveals nothing about any of them. */
export async function matchesAny(candidate: string, secrets: string[]): Promise<boolean> {
  const digest = await sha256(candidate);
  let matches = false;
  for (const secret of secrets) matches = timingSafeEqual(digest, await sha256(secret)) || matches;
  return matches;
}

/**
 * Compares digests in constant time. @supabase/server does the same; node:crypto has a function for it, but loading node:crypto adds 5 ms
 * to every start.
 */
function timingSafeEqual(one: Uint8Array, other: Uint8Array): boolean {
  let difference = one.length ^ other.length;
  for (let at = 0; at < one.length; at++) difference |= one[at]! ^ other[at]!;
  return difference === 0;
}

async function sha256(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}
