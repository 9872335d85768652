import type { Finding, LookContext, Standing } from "./finding.ts";
import type { Reason } from "./reasons.ts";

/** After an attempt to end it: dead is credited to this run, still cancelable means that it did not work. */
export function unlessCancelable(again: Finding, { why, ended }: { why: Reason; ended: Finding["ended"] }): Finding {
  switch (again.standing.kind) {
    case "cancelable":
      return { ...again, standing: { kind: "unclear", why } };
    case "dead":
      return { ...again, ended };
    default:
      return again;
  }
}

/**
 * One key per attempt. A key that outlives the attempt would freeze the answer for a day: a refusal "is processing"
 * would be replayed long after the payment failed and could be ended.
 */
export function idempotencyKey(stripeId: string, { order }: Pick<LookContext, "order">): string {
  return `lapse:${stripeId}:${order.attempt}`;
}

/** The standing of a payment that a call should have ended and did not, without anything better to say. */
export function refusedToEnd(): Standing {
  return { kind: "unclear", why: "end_refused" };
}
