import assert from "node:assert/strict";
import { DEFAULT_POLICY } from "../../../functions/_shared/stripe/policy.ts";
import type { Cleanup } from "../../../functions/cleanup-stale-payment-intents/cleanup.ts";
import { workOnPayments } from "../../../functions/cleanup-stale-payment-intents/work-on-payments.ts";
import { intent } from "../stripe/builders.ts";
import { fakeStripe } from "../stripe/fake-stripe.ts";
import { found, NOW, stalePayment } from "./builders.ts";

for (
  const [capturesByHand, what, kept] of [
    [
      true,
      "captured by hand is looked at again right before its cancel, and a hold that was given meanwhile is left",
      true,
    ],
    [false, "captured by itself is canceled as it was listed", false],
  ] as const
) {
  Deno.test(`a listed payment that is ${what}`, async () => {
    const payment = stalePayment("expired");
    // What the customer did after the page was read.
    const stripe = fakeStripe({
      pi_1: intent({
        status: capturesByHand ? "requires_capture" : "requires_payment_method",
        metadata: { order_id: payment.orderId },
      }),
    });
    const listed = found(payment, { kind: "cancelable", end: "cancel_intent", id: "pi_1" });
    const { decisions } = await workOnPayments(
      [{ ...listed, finding: { ...listed.finding, capturesByHand } }],
      cleanupOver(stripe, payment.orderId!),
    );
    assert.deepEqual(decisions.map(({ outcome, reason }) => `${outcome} ${reason}`), [
      kept ? "kept requires_capture" : "canceled ended_by_run",
    ]);
    assert.equal(stripe.writes().length, kept ? 0 : 1);
  });
}

function cleanupOver({ gateway }: ReturnType<typeof fakeStripe>, orderId: string): Cleanup {
  const order = { id: orderId, attempt: 1, amount: 2000, currency: "eur" };
  return {
    ports: { gateway, clock: { now: () => NOW } },
    steps: { planEnds: () => Promise.resolve(true) },
    lookOf: () => ({ gateway, policy: DEFAULT_POLICY, clock: () => NOW, order }),
    progress: { endsLeft: 10, pages: 0, unclear: 0, evidence: { known: 1, unknown: 0 } },
  } as unknown as Cleanup;
}
