import assert from "node:assert/strict";
import type { Log } from "../../../functions/_shared/run/log.ts";
import { DEFAULT_POLICY } from "../../../functions/_shared/stripe/policy.ts";
import type { Cleanup } from "../../../functions/cleanup-stale-payment-intents/cleanup.ts";
import { lookAtUnread, unread } from "../../../functions/cleanup-stale-payment-intents/look-at-unread.ts";
import { intent, NOW } from "../stripe/builders.ts";
import { fakeStripe } from "../stripe/fake-stripe.ts";
import { stalePayment } from "./builders.ts";

const ORDER = "00000000-0000-4000-8000-000000000001";

/** A clean-up over these intents, all of one paid order; what it logs goes to `lines`. */
function cleanupOf(stripe: ReturnType<typeof fakeStripe>, lines: unknown[][] = []): Cleanup {
  const log: Log = { info: () => {}, error: (...line) => void lines.push(line), with: () => log };
  return {
    ports: { gateway: stripe.gateway, log },
    steps: {
      inspect: (intents: { stripeId: string }[]) =>
        Promise.resolve(intents.map(({ stripeId }) => stalePayment("paid", { stripeId }))),
    },
    lookOf: () => ({
      gateway: stripe.gateway,
      policy: DEFAULT_POLICY,
      clock: () => NOW,
      order: { id: ORDER, attempt: 1, amount: 2000, currency: "eur" },
    }),
    progress: { evidence: { known: 0, unknown: 0 } },
  } as unknown as Cleanup;
}

const boom = () => {
  throw new RangeError("boom");
};

Deno.test("a fault of the program at one unread payment holds up that one alone", async () => {
  const own = intent({ id: "pi_1", metadata: { order_id: ORDER } });
  const stripe = fakeStripe({ pi_1: own, pi_2: { ...own, id: "pi_2" }, pi_3: { ...own, id: "pi_3" } });
  stripe.answer("readIntent", "pi_2", boom);
  const lines: unknown[][] = [];
  const looked = await lookAtUnread(["pi_1", "pi_2", "pi_3"].map(unread), cleanupOf(stripe, lines));
  const standings = looked.map(({ payment, finding: { standing } }) => {
    return [payment.stripeId, standing.kind, "why" in standing ? standing.why : null];
  });
  assert.deepEqual(standings, [["pi_1", "cancelable", null], ["pi_3", "cancelable", null], [
    "pi_2",
    "unclear",
    "internal_error",
  ]]);
  assert.deepEqual(lines, [["payment_broke", { stripe_id: "pi_2", error: "RangeError: boom" }]]);
});

Deno.test("a fault of the program in judging one payment of a page holds up that one alone", async () => {
  const own = intent({ id: "pi_1", metadata: { order_id: ORDER } });
  const stripe = fakeStripe({ pi_1: own, pi_2: { ...own, id: "pi_2" } });
  const cleanup = cleanupOf(stripe);
  const { lookOf } = cleanup;
  cleanup.lookOf = (payment) => payment.stripeId === "pi_1" && payment.orderId ? boom() : lookOf(payment);
  const looked = await lookAtUnread(["pi_1", "pi_2"].map(unread), cleanup);
  assert.deepEqual(looked.map(({ finding: { standing } }) => standing.kind), ["unclear", "cancelable"]);
});
