/** A refusal that says that the jobs call too often, or too much at the same time. */
export type Refusal = { limit: "rate" | "concurrency"; scope: "endpoint" | "account"; reason: string };

/** Reads a reply as the call budget sees it; null for whatever slows nobody down. */
export function refusalIn(response: Response): Refusal | null {
  const reason = response.headers.get("stripe-rate-limited-reason");
  if (response.status !== 429 || reason === null || reason === "resource-specific") return null;
  return {
    limit: reason.endsWith("-concurrency") ? "concurrency" : "rate",
    scope: reason.startsWith("global") ? "account" : "endpoint",
    reason,
  };
}
