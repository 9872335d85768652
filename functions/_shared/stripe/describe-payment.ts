import type { PaymentDecision } from "../orders.ts";
import type { Finding } from "./finding.ts";

/** What is recorded about one payment. `wouldEnd`: a dry run would have ended it. */
export function describePayment(finding: Finding, { wouldEnd }: { wouldEnd: boolean }): PaymentDecision {
  const { payment, standing, ended, evidence } = finding;
  const known = { paymentId: payment.id, stripeId: payment.stripeId, evidence };
  const kept = { ...known, state: payment.state, outcome: "kept" } as const;
  switch (standing.kind) {
    case "paid":
      return { ...known, state: "paid", outcome: "found_paid", reason: "paid" };
    case "dead":
      return ended
        ? { ...known, state: "dead", outcome: "canceled", reason: ended }
        : { ...known, state: "dead", outcome: "found_dead", reason: "already_dead" };
    case "cancelable":
      if (!wouldEnd) return { ...kept, reason: "sibling_waits" };
      return { ...kept, reason: standing.end === "cancel_intent" ? "would_cancel" : "would_expire_session" };
    case "wait":
      return {
        ...kept,
        reason: standing.why,
        ...(standing.graceUntil ? { graceUntil: standing.graceUntil } : {}),
      };
    case "quarantine":
    case "unclear":
    case "stop":
      return { ...kept, reason: standing.why };
  }
}
