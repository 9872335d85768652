import assert from "node:assert/strict";
import { assertQuiet } from "../../oracle/quiet.ts";
import { type Bench, ON_HAND } from "./bench.ts";
import { finalStatus, type OrderModel } from "./model.ts";
import { tick, watch } from "./scheduler.ts";
import { DAY } from "./time.ts";

/**
 * The weekly clean-up finds what is left: open payments of closed orders, those that the shop never recorded among them, and the second
 * payment of an order paid twice.
 */
export async function assertCleanedUp(bench: Bench, orders: OrderModel[]): Promise<void> {
  for (let week = 0; week < 2; week++) {
    bench.time.advance(8 * DAY);
    await tick(bench, { job: "cleanup-stale-payment-intents" });
  }
  await watch(bench);
  await assertQuiet({ ...bench, onHand: ON_HAND });
  await assertNoneOpen(bench, orders);
  assertUnrecordedEnded(bench, orders);
  await assertSecondPaymentsTold(bench, orders);
}

async function assertNoneOpen({ sql }: Bench, orders: OrderModel[]): Promise<void> {
  const open = await sql<{ stripe_id: string }[]>`
    select p.stripe_id from public.order_payments p join public.orders o on o.id = p.order_id
    where p.state = 'open' and o.status in ('paid', 'expired')`;
  const unendable = new Set(
    orders.flatMap(({ payments }) => payments)
      .filter(({ fate }) => fate === "foreign" || fate === "unclosable").map(({ stripeId }) => stripeId),
  );
  const endable = open.map(({ stripe_id }) => stripe_id).filter((id) => !unendable.has(id));
  assert.deepEqual(endable, [], "open payments of closed orders");
}

/** The shop's checkout was refused, and never got to end what it had created. */
function assertUnrecordedEnded({ stripe }: Bench, orders: OrderModel[]): void {
  const alive = orders.filter((order) => ["paid", "expired"].includes(finalStatus(order)))
    .flatMap(({ payments }) => payments).filter(({ attached }) => !attached)
    .map(({ stripeId }) => stripe.paymentIntent({ id: stripeId })).filter(({ status }) => status !== "canceled");
  assert.deepEqual(
    alive.map(({ id, status }) => `${id} is ${status}`),
    [],
    "payments of closed orders that nobody recorded",
  );
}

async function assertSecondPaymentsTold({ sql }: Bench, orders: OrderModel[]): Promise<void> {
  const alerts = await sql<{ key: string }[]>`select key from public.job_alerts where key like 'paid_twice:%'`;
  const twice = orders.filter(({ payments }) =>
    payments.filter(({ attached, fate }) => attached && fate === "paid").length > 1
  );
  const told = new Set(alerts.map(({ key }) => key));
  for (const { id } of twice) assert.ok(told.has(`paid_twice:${id}`), `order ${id} was paid twice and nobody is told`);
  for (const { id } of orders.filter((order) => !twice.includes(order))) {
    assert.ok(!told.has(`paid_twice:${id}`), `order ${id} was paid once and is called paid twice`);
  }
}
