import type { Fault } from "../fault.ts";
import { faultsIn } from "../fault.ts";

const RANDOM = ["tests/faults/random_schedules_test.ts"];

/**
 * The proof's own proof: faults that a unit test sees, too, planted once more for the random schedules alone. Each was missed by them once.
 */
export const PROOF_FAULTS: Fault[] = [
  ...faultsIn("functions/_shared/stripe/verdict.ts", [
    [
      "proof-hold-canceled",
      `return { kind: "wait", until: later(now, policy.captureRecheck), why: "requires_capture" };`,
      `return { kind: "cancelable", end: "cancel_intent", id: intent.id };`,
      "an authorised card is let go",
      RANDOM,
    ],
    [
      "proof-voucher-canceled",
      "return waitForVoucher(action.expiresAt, context) ?? cancelable;",
      "return cancelable;",
      "a valid voucher is cancelled",
      RANDOM,
    ],
    [
      "proof-slow-method-canceled",
      `return now < windowEnd ? { kind: "wait", until: windowEnd, why: "slow_method" } : cancelable;`,
      "return cancelable;",
      "a bank account that is being verified is cut off",
      RANDOM,
    ],
    [
      "proof-transfer-canceled",
      `if (now < windowEnd) return { kind: "wait", until: windowEnd, why: "slow_method" };`,
      "",
      "a transfer under way is cancelled",
      RANDOM,
    ],
  ]),
  ...faultsIn("functions/_shared/stripe/end-payment.ts", [
    [
      "proof-unknown-is-dead",
      `      return endThroughSessions(payment, { ...context, intentId: id });
    case "unknown":
      return unlessCancelable(await lookAt(payment, context), { why: outcome.why, ended: "ended_reply_lost" });`,
      `      return endThroughSessions(payment, { ...context, intentId: id });
    case "unknown":
      return findingOf(payment, { reply, standing: { kind: "dead" }, ended: "ended_reply_lost" });`,
      "a cancel whose answer got lost counts as done",
      RANDOM,
    ],
  ]),
];
