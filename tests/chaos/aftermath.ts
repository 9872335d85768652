import type postgres from "postgres";
import { type Bench, openBench, openPlace } from "../faults/support/bench.ts";
import { bankDecides } from "../faults/support/customer-acts.ts";
import { deliver, nextTick, tick, tickUntilQuiet, watch } from "../faults/support/scheduler.ts";
import { DAY } from "../faults/support/time.ts";
import type { Scene } from "./disasters.ts";
import { COMES_BACK, type Order } from "./shop.ts";

/**
 * All faults have stopped. Banks decide, an operator gives back what was quarantined because of the faults, and time moves on, by weeks in
 * seconds, until nothing is left to do.
 */
export async function comeToRest(
  { stack, server, random }: Scene,
  orders: Order[],
  use: (bench: Bench) => Promise<void>,
): Promise<void> {
  const place = openPlace(stack.database);
  try {
    const simulator = stack.simulator!;
    simulator.control.setWebhook(null);
    const { bench } = openBench({ place, simulator, server, start: new Date() });
    await deliver(bench);
    await nextTick(bench);
    for (const payment of orders.flatMap(({ payments }) => payments)) {
      await bankDecides(bench, payment, { settles: payment.stripeId.startsWith("cs_") || random() < 0.6 });
    }
    for (let ticks = 0; ticks < 3; ticks++) await nextTick(bench);
    await redriveQuarantined(bench.sql, bench.time.now());
    await tickUntilQuiet(bench, { withinMs: DAY, most: 300 });
    for (const order of orders) await comeBackLate(bench, order);
    await tickUntilQuiet(bench, { withinMs: 10 * DAY, most: 300 });
    for (let week = 0; week < 2; week++) {
      bench.time.advance(8 * DAY);
      await watch(bench);
      await tick(bench, { job: "cleanup-stale-payment-intents" });
      await nextTick(bench);
    }
    for (let ticks = 0; ticks < 3; ticks++) await nextTick(bench);
    await use(bench);
  } finally {
    await place.close();
  }
}

/** Customers who return later act now if their order is closed. No event reports it. */
async function comeBackLate({ sql, stripe, time }: Bench, order: Order): Promise<void> {
  if (order.journey !== COMES_BACK || order.closed || order.payments.some(({ late }) => late)) return;
  const [row] = await sql<{ status: string }[]>`select status from public.orders where id = ${order.id}`;
  if (row!.status !== "expired") return;
  const [stripeId] = stripe.createPaymentIntents([{
    amount: order.amount,
    currency: "eur",
    metadata: { order_id: order.id },
    created: Math.floor(time.now().getTime() / 1_000),
  }]);
  await stripe.customer({ id: stripeId!, verb: "confirm_ok" });
  order.payments.push({ stripeId: stripeId!, attached: false, late: true, fate: "paid" });
}

/** The reasons for which faults alone quarantine an order. */
const OF_FAULTS = ["attempts_exhausted", "claim_lapsed"];

async function redriveQuarantined(sql: postgres.Sql, now: Date): Promise<void> {
  await sql`
    select lapse.redrive_order(p_ref => o.ref, p_reason => 'the faults are over', p_requested_by => 'operator', p_now => ${now.toISOString()}::timestamptz)
    from lapse.orders o where o.status = 'quarantined' and o.reason = any (${OF_FAULTS})`;
}
