import type { Ports, RunOrders } from "../_shared/run/job.ts";
import { policyOf } from "../_shared/run/policy-of.ts";
import type { LookContext } from "../_shared/stripe/finding.ts";
import type { KeyEvidence } from "../_shared/stripe/key-evidence.ts";
import { DEFAULT_RETRY, retryingGateway } from "../_shared/stripe/retry.ts";
import type { StalePayment } from "../_shared/payments.ts";
import { keyedGateway } from "./keyed-gateway.ts";
import { type CleanupSteps, createSteps } from "./steps.ts";

/** One run of the clean-up: what it may touch, and how far it has come. */
export type Cleanup = {
  ports: Ports;
  steps: CleanupSteps;
  /** How to look at a payment, and to end it. */
  lookOf(payment: StalePayment): LookContext;
  progress: {
    /** Payments this run may still end. */
    endsLeft: number;
    pages: number;
    unclear: number;
    /** What the run has learned about the key. */
    evidence: KeyEvidence;
  };
};

/** Puts a run of the clean-up together; touches nothing yet. */
export function beginCleanup(ports: Ports, orders: RunOrders): Cleanup {
  const { clock, deadline } = ports;
  const pace = { deadline: deadline.call, clock: clock.now, sleep: clock.sleep, random: Math.random };
  const gateway = retryingGateway(keyedGateway(ports.gateway, "cleanup"), { ...pace, policy: DEFAULT_RETRY });
  const policy = policyOf(orders.settings);
  return {
    ports: { ...ports, gateway },
    steps: createSteps(ports, orders),
    lookOf: ({ orderId, order }) => ({
      gateway,
      policy,
      clock: clock.now,
      order: {
        id: orderId ?? "",
        // The lease's number: part of the idempotency keys, so that each run asks anew.
        attempt: orders.lease?.fence ?? 0,
        // Nothing covers an order that does not exist.
        amount: order?.amount ?? Number.MAX_SAFE_INTEGER,
        currency: order?.currency ?? "",
      },
    }),
    progress: { endsLeft: orders.limit, pages: 0, unclear: 0, evidence: { known: 0, unknown: 0 } },
  };
}
