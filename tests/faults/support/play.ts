import assert from "node:assert/strict";
import { assertPromises } from "../../oracle/oracle.ts";
import { assertQuiet } from "../../oracle/quiet.ts";
import { type Bench, ON_HAND } from "./bench.ts";
import { bankDecides, customerActs } from "./customer-acts.ts";
import { cutAt, dieBefore, insertBefore } from "./fates.ts";
import { type Fate, finalStatus, type OrderModel, type PaymentModel } from "./model.ts";
import type { Event, Schedule, Trouble } from "./schedule.ts";
import { nextTick, tick, tickUntilQuiet, watch } from "./scheduler.ts";
import { attach, createAtStripe, everyKind, markPaid, type PaymentSpec, placeOrder, statusOf } from "./shop.ts";
import { DAY, MINUTE } from "./time.ts";
import type { AtStep } from "./wire.ts";

/** Hanging calls are given up after this, in real milliseconds: longer than the simulator ever takes. */
const TIMEOUT_MS = 150;

/** Plays a schedule, asks the oracle after every event, lets everything come to rest, and holds the result against the model. */
export async function play(bench: Bench, { events, settles }: Schedule): Promise<void> {
  const orders: OrderModel[] = [];
  for (const [number, event] of events.entries()) {
    try {
      await happen(bench, orders, event);
      await assertPromises(bench);
    } catch (error) {
      (error as Error).message = `After event ${number}, ${JSON.stringify(event)}: ${(error as Error).message}`;
      throw error;
    }
  }
  bench.stripe.clearFaults();
  for (const payment of orders.flatMap(({ payments }) => payments)) await bankDecides(bench, payment, { settles });
  await comeToRest(bench);
  for (const order of orders) {
    assert.equal(
      await statusOf(bench, order.id),
      finalStatus(order),
      `order ${order.id}: ${JSON.stringify(order.payments)}`,
    );
  }
  await assertCleanedUp(bench, orders);
}

async function happen(bench: Bench, orders: OrderModel[], event: Event): Promise<void> {
  const order = "order" in event ? orders[event.order % Math.max(orders.length, 1)] : undefined;
  switch (event.type) {
    case "order": {
      const kinds = everyKind(bench.time.now().getTime());
      const kind = kinds[event.kind % kinds.length]!;
      const { id, payments } = await placeOrder(bench, { ...kind, placedMinutesAgo: event.minutesAgo });
      const fates = kind.payments.map(fateOf);
      orders.push({ id, payments: payments.map((stripeId, n) => ({ stripeId, attached: true, fate: fates[n]! })) });
      return;
    }
    case "customer": {
      const payment = order?.payments[event.payment % Math.max(order.payments.length, 1)];
      if (payment?.attached) await customerActs(bench, payment, event.act);
      return;
    }
    case "webhook": {
      const payment = order?.payments[event.payment % Math.max(order.payments.length, 1)];
      if (order && payment?.fate === "paid") await markPaid(bench, order.id, payment);
      return;
    }
    case "attach":
      if (order) await attachAnother(bench, order, event);
      return;
    case "time":
      return bench.time.advance(event.minutes * MINUTE);
    case "watch":
      return await watch(bench);
    case "fault":
      return void bench.stripe.addFault(event.fault);
    case "run": {
      const hangs = bench.stripe.faults().some(({ kind }) => kind.endsWith("hang"));
      const atStep = troubled(event.trouble, (inner) => happen(bench, orders, inner));
      await tick(bench, {
        job: event.job,
        delivery: once(event.delivery),
        atStep,
        ...(hangs ? { timeoutMs: TIMEOUT_MS } : {}),
      });
    }
  }
}

/** The scheduler's own request; continuations arrive. */
function once<T>(delivery: T): () => T | "once" {
  let first = true;
  return () => {
    const answer = first ? delivery : "once";
    first = false;
    return answer;
  };
}

function troubled(trouble: Trouble, happen: (event: Event) => Promise<void>): AtStep | undefined {
  switch (trouble?.type) {
    case "dies":
      return dieBefore(trouble.step);
    case "cut":
      return cutAt(trouble.step, trouble.moment);
    case "meanwhile":
      return insertBefore([{ number: trouble.step, act: () => happen(trouble.event) }]);
  }
}

async function attachAnother(bench: Bench, order: OrderModel, { pay }: { pay: boolean }): Promise<void> {
  const stripeId = createAtStripe(bench, order.id, { intent: {} });
  const payment: PaymentModel = { stripeId, attached: false, fate: "open" };
  order.payments.push(payment);
  try {
    await attach(bench, order.id, { stripeId });
    payment.attached = true;
    if (pay) await customerActs(bench, payment, 0);
  } catch (error) {
    // The order takes no payment any more, and the customer never gets this one's secret.
    if ((error as { code?: string }).code !== "PT409") throw error;
  }
}

/** How a payment stands when its order is placed. */
function fateOf(spec: PaymentSpec): Fate {
  if ("session" in spec) return spec.session.paymentStatus === "paid" ? "paid" : "open";
  const { status, nextAction, metadata } = spec.intent;
  if (metadata) return "foreign";
  if (status === "succeeded") return "paid";
  if (status === "canceled") return "gone";
  if (status === "processing" || status === "requires_capture" || nextAction === "oxxo") return "under_way";
  return "open";
}

/** Faults have stopped: one tick after the leases nothing is claimed; an operator redrives what was set aside; then all is decided. */
async function comeToRest(bench: Bench): Promise<void> {
  await nextTick(bench);
  await assertQuiet({ ...bench, onHand: ON_HAND });
  await redriveAll(bench);
  await tickUntilQuiet(bench, { withinMs: 45 * DAY });
  await assertQuiet({ ...bench, onHand: ON_HAND });
}

async function redriveAll({ sql, time }: Bench): Promise<void> {
  await sql`select public.jobs_redrive_order(p_order_id => id, p_reason => 'the faults are over', p_requested_by => 'test',
    p_now => ${time.now().toISOString()}::timestamptz) from public.orders where status = 'quarantined'`;
}

/** The weekly clean-up finds what is left: open payments of closed orders, and the second payment of an order paid twice. */
async function assertCleanedUp(bench: Bench, orders: OrderModel[]): Promise<void> {
  const { sql, time } = bench;
  for (let week = 0; week < 2; week++) {
    time.advance(8 * DAY);
    await tick(bench, { job: "cleanup-stale-payment-intents" });
  }
  await watch(bench);
  await assertQuiet({ ...bench, onHand: ON_HAND });
  const open = await sql<{ stripe_id: string }[]>`
    select p.stripe_id from public.order_payments p join public.orders o on o.id = p.order_id
    where p.state = 'open' and o.status in ('paid', 'expired')`;
  const endable = open.filter(({ stripe_id }) =>
    !orders.some(({ payments }) =>
      payments.some(({ stripeId, fate }) => stripeId === stripe_id && (fate === "foreign" || fate === "unclosable"))
    )
  );
  assert.deepEqual([...endable], [], "open payments of closed orders");
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
