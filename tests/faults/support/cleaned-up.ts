import assert from "node:assert/strict";
import { assertAtRest } from "../../oracle/at-rest.ts";
import { untoldMoney } from "../../oracle/at-stripe.ts";
import { type Bench, ON_HAND } from "./bench.ts";
import { finalStatuses, type OrderModel } from "./model.ts";
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
  await assertAtRest({ ...bench, onHand: ON_HAND });
  assert.deepEqual(await untoldMoney(bench), []);
  await assertNoneOpen(bench, orders);
  assertUnrecordedCanceled(bench, orders);
  await assertSecondPaymentsTold(bench, orders);
}

async function assertNoneOpen({ sql }: Bench, orders: OrderModel[]): Promise<void> {
  const open = await sql<{ stripe_id: string }[]>`
    select p.stripe_id from lapse.payments p join lapse.orders o using (ref)
    where p.state = 'open' and o.status in ('paid', 'expired')`;
  const uncancelable = new Set(
    orders.flatMap(({ payments }) => payments)
      .filter(({ fate, unclear }) => unclear || fate === "foreign" || fate === "unclosable").map(({ stripeId }) =>
        stripeId
      ),
  );
  const cancelable = open.map(({ stripe_id }) => stripe_id).filter((id) => !uncancelable.has(id));
  assert.deepEqual(cancelable, [], "open payments of closed orders");
}

/** The shop's checkout was refused, and never got to cancel what it had created. */
function assertUnrecordedCanceled({ stripe }: Bench, orders: OrderModel[]): void {
  const alive = orders.filter((order) => finalStatuses(order).every((it) => it === "paid" || it === "expired"))
    .flatMap(({ payments }) => payments).filter(({ attached, fate }) => !attached && fate === "open")
    .map(({ stripeId }) => stripe.paymentIntent({ id: stripeId })).filter(({ status }) => status !== "canceled");
  assert.deepEqual(
    alive.map(({ id, status }) => `${id} is ${status}`),
    [],
    "payments of closed orders that nobody recorded",
  );
}

async function assertSecondPaymentsTold({ sql }: Bench, orders: OrderModel[]): Promise<void> {
  const alerts = await sql<{ key: string }[]>`select key from lapse.alerts where key like 'paid_twice:%'`;
  // Of money that came late, or did not stay, it depends on the moment.
  const certain = orders.filter(({ payments, restored }) =>
    !restored && !payments.some(({ late, unclear, fate }) => unclear || fate === "returned" || late && fate === "paid")
  );
  const twice = certain.filter(({ payments }) =>
    payments.filter(({ attached, listed, fate }) => (attached || listed) && fate === "paid").length > 1
  );
  const told = new Set(alerts.map(({ key }) => key));
  for (const { id } of twice) assert.ok(told.has(`paid_twice:${id}`), `order ${id} was paid twice and nobody is told`);
  for (const { id } of certain.filter((order) => !twice.includes(order))) {
    assert.ok(!told.has(`paid_twice:${id}`), `order ${id} was paid once and is called paid twice`);
  }
}
