import { verifyAuth } from "@supabase/server/core";
import type { PlatformEnvironment } from "../environment.ts";

/** Who may start a run: the scheduler, an operator, a server. */
export type Caller = { trigger: "schedule" | "operator" | "server"; requestedBy: string };

export type GateResult = { caller: Caller; refusal: null } | {
  caller: null;
  refusal: { status: 401 | 403; message: string };
};

/**
 * Lets three kinds of callers in and nobody else.
 *
 * The scheduler shows a secret of its own in `x-jobs-secret`, which opens nothing but this gate. An operator shows a user token
 * whose `app_metadata.jobs_role` is `operator`. A server shows a secret API key in `apikey`. A request that carries a wrong
 * scheduler secret is refused at once: it never falls through to another way in.
 */
export async function passGate(request: Request, environment: PlatformEnvironment): Promise<GateResult> {
  const shown = request.headers.get("x-jobs-secret");
  if (shown !== null) {
    return await matchesAny(shown, environment.schedulerSecrets)
      ? admit({ trigger: "schedule", requestedBy: "pg_cron" })
      : refuse(401, "The scheduler secret is wrong");
  }

  const { data: auth, error } = await verifyAuth(request, {
    auth: ["secret:*", "user"],
    env: {
      url: environment.supabaseUrl,
      publishableKeys: environment.publishableKeys,
      secretKeys: environment.secretKeys,
      ...(environment.jwks === null ? {} : { jwks: environment.jwks as never }),
    },
  });
  if (error) return refuse(401, "No valid credentials: show a scheduler secret, a user token or a secret key");
  if (auth.authMode === "secret") return admit({ trigger: "server", requestedBy: `key:${auth.keyName ?? "default"}` });

  const user = auth.userClaims;
  if (user?.role === "authenticated" && user.appMetadata?.["jobs_role"] === "operator") {
    return admit({ trigger: "operator", requestedBy: user.id });
  }
  return refuse(403, "Only operators may start a run");
}

/** Every candidate is compared, over digests of equal length, so that time tells nothing about any of them. */
async function matchesAny(shown: string, secrets: string[]): Promise<boolean> {
  const digest = await sha256(shown);
  let matches = false;
  for (const secret of secrets) matches = timingSafeEqual(digest, await sha256(secret)) || matches;
  return matches;
}

/**
 * For digests: no branch depends on a byte, so the time is the same wherever they differ. @supabase/server compares keys the same
 * way; node:crypto has a function for it, but loading node:crypto takes 5 ms of every start.
 */
function timingSafeEqual(one: Uint8Array, other: Uint8Array): boolean {
  let difference = one.length ^ other.length;
  for (let at = 0; at < one.length; at++) difference |= one[at]! ^ other[at]!;
  return difference === 0;
}

async function sha256(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}

function admit(caller: Caller): GateResult {
  return { caller, refusal: null };
}

function refuse(status: 401 | 403, message: string): GateResult {
  return { caller: null, refusal: { status, message } };
}
