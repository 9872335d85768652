// A backup restored over newer payments: shop and ledger forget what Stripe remembers.

import assert from "node:assert/strict";
import { assertAtRest } from "../oracle/at-rest.ts";
import { dump, restore } from "./support/backup.ts";
import { type Bench, ON_HAND, useBenches, withBench } from "./support/bench.ts";
import { assertCleanedUp } from "./support/cleaned-up.ts";
import { report } from "./support/length.ts";
import type { Fate, OrderModel } from "./support/model.ts";
import { nextTick, tick } from "./support/scheduler.ts";
import { attach, createAtStripe, markPaid, type PaymentSpec, placeOrder, statusOf } from "./support/shop.ts";
import { HOUR, MINUTE } from "./support/time.ts";

useBenches();

/** What customers did between the backup and the crash: `payment`, attached; `marks`, the webhook arrived. */
type Customer = {
  name: string;
  payment?: PaymentSpec;
  marks?: true;
  fate?: Fate;
  becomes: "expired" | "paid" | "pending";
};

const CUSTOMERS: Customer[] = [
  { name: "nothing", becomes: "expired" },
  { name: "paid", payment: { intent: { status: "succeeded" } }, marks: true, fate: "paid", becomes: "paid" },
  { name: "paid, webhook lost", payment: { intent: { status: "succeeded" } }, fate: "paid", becomes: "paid" },
  {
    name: "paid at Checkout",
    payment: { session: { status: "complete" } },
    marks: true,
    fate: "paid",
    becomes: "paid",
  },
  { name: "debit under way", payment: { intent: { status: "processing" } }, fate: "under_way", becomes: "pending" },
  {
    name: "card held",
    payment: { intent: { status: "requires_capture", captureMethod: "manual" } },
    fate: "under_way",
    becomes: "pending",
  },
  { name: "intent left open", payment: { intent: {} }, fate: "open", becomes: "expired" },
  { name: "session left open", payment: { session: { status: "open" } }, fate: "open", becomes: "expired" },
];

for (
  const [what, minutesBefore, job] of [
    ["before the orders fell due", 10, "expire-stale-orders"],
    ["when they had been due for hours and waited", 200, "expire-stale-orders"],
    ["when they had been due for hours and the clean-up had read their list", 200, "cleanup-stale-payment-intents"],
  ] as const
) {
  Deno.test(`a backup made ${what}: nothing expires that was paid or could be paid since`, () =>
    withBench(async (bench) => {
      // An earlier order has led a run to read the lists up to the moment of the backup.
      await placeOrder(bench, { payments: [{ intent: {} }], placedMinutesAgo: 90 });
      const expiresAt = minutesBefore > 30 ? new Date(bench.time.now().getTime() - HOUR) : undefined;
      const orders = await Promise.all(CUSTOMERS.map(async (customer) => {
        const { id } = await placeOrder(bench, { payments: [], placedMinutesAgo: minutesBefore, expiresAt });
        return { id, customer };
      }));
      if (minutesBefore > 30 && job === "expire-stale-orders") {
        bench.stripe.addFault({ kind: "error_500", endpoint: "payment_intents.list" });
      }
      await tick(bench, { job });
      bench.stripe.clearFaults();
      for (const { id } of orders) assert.equal(await statusOf(bench, id), "pending");
      const backup = await dump(bench);

      bench.time.advance(5 * MINUTE);
      const models: OrderModel[] = [];
      for (const { id, customer } of orders) models.push(await shop(bench, id, customer));
      bench.time.advance(5 * MINUTE);
      await restore(bench, backup);
      const [row] = await bench.sql`select count(*)::int as n from lapse.payments`;
      assert.equal(row!.n, 1, "shop and ledger forgot them");

      for (let minutes = 0; minutes < 60; minutes += 5) await nextTick(bench);
      const became = Object.fromEntries(
        await Promise.all(orders.map(async ({ id, customer }) => [customer.name, await statusOf(bench, id)])),
      );
      assert.deepEqual(became, Object.fromEntries(CUSTOMERS.map(({ name, becomes }) => [name, becomes])));
      await assertAtRest({ ...bench, onHand: ON_HAND });
      await assertCleanedUp(bench, models.filter((_, n) => CUSTOMERS[n]!.becomes !== "pending"));
      report(`a backup restored over ${CUSTOMERS.length} kinds of payments, made ${what}`);
    }));
}

async function shop(bench: Bench, id: string, { payment, marks, fate }: Customer): Promise<OrderModel> {
  if (!payment || !fate) return { id, payments: [] };
  const stripeId = createAtStripe(bench, id, payment);
  await attach(bench, id, { stripeId });
  if (marks) await markPaid(bench, id, { stripeId });
  return { id, payments: [{ stripeId, attached: true, fate }] };
}
