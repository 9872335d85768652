import { verifyAuth } from "@supabase/server/core";
import { parseProject, parseSchedulerSecrets, type ReadVariable } from "../environment.ts";

/** Who may start a run: the scheduler, an operator, a server. */
export type Caller = { trigger: "schedule" | "operator" | "server"; requestedBy: string };

export type GateResult = { caller: Caller; refusal: null } | {
  caller: null;
  refusal: { status: 401 | 403; message: string };
};

/**
 * Lets three kinds of callers in and nobody else.
 *
 * The scheduler shows a secret of its own in `x-lapse-secret`, which opens nothing but this gate. An operator shows a user token
 * whose `app_metadata.lapse_role` is `operator`. A server shows a secret API key in `apikey`. A request that carries a wrong
 * scheduler secret is refused at once: it never falls through to another way in.
 *
 * Each way in reads only the variables it needs, so that an operator gets in and is told what the scheduler's way lacks.
 *
 * @throws ConfigurationError when the way that the caller tries cannot be checked. A stranger must not learn why.
 */
export async function passGate(request: Request, readVariable: ReadVariable): Promise<GateResult> {
  const shown = request.headers.get("x-lapse-secret");
  if (shown !== null) {
    return await matchesAny(shown, parseSchedulerSecrets(readVariable))
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

/** The answer to every caller without valid credentials, whatever is the matter. */
export function refuseStranger(): GateResult {
  const message = "No valid credentials: show a scheduler secret, a user token or a secret key";
  return { caller: null, refusal: { status: 401, message } };
}

function admit(caller: Caller): GateResult {
  return { caller, refusal: null };
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
