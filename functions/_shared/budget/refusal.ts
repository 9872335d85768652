/** A refusal that says that the jobs call too often, or too much at the same time. */
export type Refusal = { limit: "rate" | "concurrency"; scope: "endpoint" | "account"; reason: string };

/** Codes of refusals that concern one object: somebody else works on it, or it was changed too often. */
const OF_ONE_OBJECT = ["lock_timeout", "payment_intent_rate_limit_exceeded"];

/**
 * Reads a reply as the call budget sees it; null for whatever slows nobody down. By the same rules as `outcomeOf`: what that
 * calls throttled has to slow the budget down, or the jobs go on at the rate that Stripe refuses.
 *
 * Mostly the header names the limit. Without it the code in the body decides: a `lock_timeout` is a 429, too.
 */
export async function refusalIn(response: Response): Promise<Refusal | null> {
  if (response.status !== 429 && response.status !== 400) return null;
  const reason = response.headers.get("stripe-rate-limited-reason");
  return refusalOf({ status: response.status, reason, code: reason === null ? await codeOf(response) : null });
}

/** The decision by itself. `reason`: Stripe's header; `code`: the body's, if the header is missing. */
export function refusalOf(
  { status, reason, code }: { status: number; reason: string | null; code: string | null },
): Refusal | null {
  // Stripe's own SDK reads a 400 with this code as a rate limit.
  if (status !== 429 && !(status === 400 && code === "rate_limit")) return null;
  if (reason === "resource-specific" || (code !== null && OF_ONE_OBJECT.includes(code))) return null;
  return {
    limit: reason?.endsWith("-concurrency") ? "concurrency" : "rate",
    // Not known to be the account's limit: if it is, the other endpoints will be told by themselves.
    scope: reason?.startsWith("global") ? "account" : "endpoint",
    reason: reason ?? "unnamed",
  };
}

/** Of a copy: the body itself is the SDK's to read. A body that cannot be read, as a proxy's page, has no code. */
async function codeOf(response: Response): Promise<string | null> {
  try {
    const { error } = await response.clone().json();
    return typeof error?.code === "string" ? error.code : null;
  } catch {
    return null;
  }
}
