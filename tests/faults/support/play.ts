import assert from "node:assert/strict";
import { assertPromises } from "../../oracle/oracle.ts";
import { named } from "../../oracle/promises.ts";
import { assertAtRest } from "../../oracle/at-rest.ts";
import { type Bench, ON_HAND } from "./bench.ts";
import { assertCleanedUp } from "./cleaned-up.ts";
import { bankDecides, customerActs } from "./customer-acts.ts";
import { cutAt, dieBefore, insertBefore } from "./fates.ts";
import { type Fate, finalStatuses, type OrderModel, type PaymentModel, revivable } from "./model.ts";
import { goBack, keepBackup, type Kept, openGap, payLate, placeLast, takeBack } from "./money-acts.ts";
import { namedSteps } from "./named-steps.ts";
import { createRequests, oneProcessEach, type Requests } from "./requests.ts";
import type { Event, Schedule, Trouble } from "./schedule.ts";
import { nextTick, tick, tickUntilQuiet, watch } from "./scheduler.ts";
import {
  attach,
  createAtStripe,
  everyKind,
  markPaid,
  type PaymentSpec,
  placeOrder,
  slowKinds,
  statusOf,
} from "./shop.ts";
import { DAY, MINUTE, SECOND } from "./time.ts";
import { assertUnderWayAlive, endOf } from "./under-way.ts";
import type { AtStep } from "./wire.ts";

/** Hanging calls are given up after this, in real milliseconds: longer than the simulator ever takes. */
const TIMEOUT_MS = 150;

/** The steps by which a run takes on work. */
const TAKES_WORK = ["lapse_claim_orders", "lapse_close_without_payments"];

/** What a schedule acts on. */
type World = { bench: Bench; orders: OrderModel[]; requests: Requests; kept: Kept | null };

/** Plays a schedule, asks the oracle after every event, lets everything come to rest, and holds the result against the model. */
export async function play(shop: Bench, schedule: Schedule): Promise<void> {
  const { events, claimBatch, latePayments, settles } = schedule;
  const bench = oneProcessEach(shop);
  const orders: OrderModel[] = [];
  const requests = createRequests(bench);
  const world: World = { bench, orders, requests, kept: null };
  await bench.sql`update lapse.settings set claim_batch = ${claimBatch}, late_payments = ${latePayments}`;
  for (const [number, event] of events.entries()) {
    try {
      await happen(world, event);
      await assertPromises(bench);
      assertUnderWayAlive(bench, orders);
    } catch (error) {
      (error as Error).message = `After event ${number}, ${JSON.stringify(event)}: ${(error as Error).message}`;
      throw error;
    }
  }
  bench.stripe.clearFaults();
  await requests.deliverLate();
  assertUnderWayAlive(bench, orders);
  for (const payment of orders.flatMap(({ payments }) => payments)) await bankDecides(bench, payment, { settles });
  await comeToRest(bench);
  for (const order of orders) {
    const status = await statusOf(bench, order.id);
    const wanted = finalStatuses(order);
    const said = `order ${order.id} has to become ${wanted.join(" or ")} and is ${status}: ${JSON.stringify(order)}`;
    assert.ok(wanted.some((it) => it === status), named([`6: ${said}`]));
  }
  await assertCleanedUp(bench, orders);
  if (latePayments === "alert") return;
  for (const order of orders.filter(revivable)) {
    const status = await statusOf(bench, order.id);
    assert.notEqual(status, "expired", named([`1: late money has to revive its order: ${JSON.stringify(order)}`]));
  }
}

async function happen(world: World, event: Event): Promise<void> {
  const { bench, orders, requests } = world;
  const order = "order" in event ? orders[event.order % Math.max(orders.length, 1)] : undefined;
  switch (event.type) {
    case "order": {
      const kinds = [...everyKind(bench.time.now().getTime()), ...slowKinds()];
      const kind = kinds[event.kind % kinds.length]!;
      const { id, payments } = await placeOrder(bench, { ...kind, placedMinutesAgo: event.minutesAgo });
      const models = payments.map((stripeId, n) => modelOf(bench, { stripeId, spec: kind.payments[n]! }));
      orders.push({ id, payments: models });
      return;
    }
    case "customer": {
      const payment = order?.payments[event.payment % Math.max(order.payments.length, 1)];
      if (payment && !payment.late && (payment.attached || payment.listed)) {
        await customerActs(bench, payment, event.act);
      }
      return;
    }
    case "webhook": {
      const payment = order?.payments[event.payment % Math.max(order.payments.length, 1)];
      if (order && payment?.fate === "paid" && !payment.unclear) await markPaid(bench, order.id, payment);
      return;
    }
    case "attach":
      if (order) await attachAnother(bench, order, event);
      return;
    case "unattached":
      if (order) await leaveUnattached(bench, order, event);
      return;
    case "late":
      if (order) await payLate(bench, order, event);
      return;
    case "event": {
      const told = bench.stripe.events();
      const { id } = told[event.nth % Math.max(told.length, 1)] ?? {};
      if (id !== undefined) await bench.deliver(id, { payload: event.nth % 3 === 0 ? "thin" : "snapshot" });
      return;
    }
    case "return": {
      const payment = order?.payments[event.payment % Math.max(order.payments.length, 1)];
      if (order && payment) await takeBack(bench, order, payment, event.how);
      return;
    }
    case "last": {
      const last = await placeLast(bench);
      if (last) orders.push(last);
      return;
    }
    case "backup":
      world.kept = await keepBackup(bench, orders);
      return;
    case "restore": {
      const { kept } = world;
      if (kept === null) return;
      requests.forget();
      orders.splice(0, Infinity, ...await goBack(bench, kept, orders));
      return;
    }
    case "gap":
      return await openGap(bench, event);
    case "time":
      bench.time.advance(event.minutes * MINUTE);
      return await requests.deliverLate(patience(bench));
    case "watch":
      return await watch(bench);
    case "fault":
      return void bench.stripe.addFault(event.fault);
    case "run":
      return await runJob(world, event);
  }
}

async function runJob(world: World, { job, requests, trouble }: Extract<Event, { type: "run" }>): Promise<void> {
  const { bench } = world;
  const { atStep, name } = namedSteps(troubled(bench, trouble, (inner) => happen(world, inner)));
  try {
    await tick(bench, { job, delivery: world.requests.inTurn(requests), atStep, ...patience(bench) });
  } catch (error) {
    const where = trouble && "step" in trouble ? `${trouble.type} at ${name(trouble.step)}: ` : "";
    (error as Error).message = `${where}${(error as Error).message}`;
    throw error;
  }
}

function patience({ stripe }: Bench): { timeoutMs?: number } {
  return stripe.faults().some(({ kind }) => kind.endsWith("hang")) ? { timeoutMs: TIMEOUT_MS } : {};
}

function troubled(
  { time }: Bench,
  trouble: Trouble,
  happen: (event: Event) => Promise<void>,
): AtStep | undefined {
  switch (trouble?.type) {
    case "slow":
      return (step, take) => {
        // More than half of the time in which a run claims.
        if (TAKES_WORK.includes(step.name)) time.advance(25 * SECOND);
        return take();
      };
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

/**
 * The checkout dies between creating the payment and attaching it, and the customer got its secret all the same. A run that works on a due order
 * cannot know of a payment created since it read the list, so the next run begins a while later.
 */
async function leaveUnattached(bench: Bench, order: OrderModel, { pay }: { pay: boolean }): Promise<void> {
  const { sql, time } = bench;
  const now = time.now().toISOString();
  // The order may still be in the inbox. Without a row it would seem not to be due.
  await sql`select lapse.fold_inbox(p_refs => ${[order.id]}, p_limit => null, p_now => ${now}::timestamptz)`;
  const [row] = await sql<{ due: boolean; status: string }[]>`
    select next_check_at <= ${now}::timestamptz as due, status from lapse.orders where ref = ${order.id}`;
  if (row && row.status !== "pending") return;
  const stripeId = createAtStripe(bench, order.id, { intent: {} });
  const payment: PaymentModel = { stripeId, attached: false, listed: true, fate: "open" };
  order.payments.push(payment);
  if (pay) await customerActs(bench, payment, 0);
  if (row?.due) time.advance(6 * MINUTE);
}

function modelOf(bench: Bench, { stripeId, spec }: { stripeId: string; spec: PaymentSpec }): PaymentModel {
  const fate = fateOf(spec);
  const { status, nextAction = "" } = "intent" in spec ? spec.intent : {};
  const days = status === "requires_capture"
    ? 7
    : { oxxo: 2, bank_transfer: 7, microdeposits: 7 }[nextAction as string];
  if (days === undefined) return { stripeId, attached: true, fate };
  const slow = nextAction === "bank_transfer" || nextAction === "microdeposits";
  return { stripeId, attached: true, fate, until: endOf(bench, { id: stripeId, days, slow }) };
}

/** A payment's state when its order is placed. */
function fateOf(spec: PaymentSpec): Fate {
  if ("session" in spec) return spec.session.paymentStatus === "paid" ? "paid" : "open";
  const { status, nextAction, metadata } = spec.intent;
  if (metadata) return "foreign";
  if (status === "succeeded") return "paid";
  if (status === "canceled") return "gone";
  if (status === "processing" || status === "requires_capture") return "under_way";
  if (nextAction && nextAction !== "use_stripe_sdk") return "under_way";
  return "open";
}

/** Faults have stopped: one tick after the leases nothing is claimed; an operator redrives what was quarantined; then all is decided. */
async function comeToRest(bench: Bench): Promise<void> {
  await nextTick(bench);
  await assertAtRest({ ...bench, onHand: ON_HAND });
  await redriveAll(bench);
  await tickUntilQuiet(bench, { withinMs: 45 * DAY });
  await assertAtRest({ ...bench, onHand: ON_HAND });
}

async function redriveAll({ sql, time }: Bench): Promise<void> {
  await sql`select lapse.redrive_order(p_ref => ref, p_reason => 'the faults are over', p_requested_by => 'test',
    p_now => ${time.now().toISOString()}::timestamptz) from lapse.orders where status = 'quarantined'`;
}
