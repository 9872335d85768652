import type { Bench } from "./bench.ts";
import { type Backup, dump, restore } from "./backup.ts";
import type { OrderModel, PaymentModel } from "./model.ts";
import type { Event } from "./schedule.ts";
import { createAtStripe, placeOrder } from "./shop.ts";
import { MINUTE } from "./time.ts";
import { intentIdOf } from "./under-way.ts";

type Return = Extract<Event, { type: "return" }>["how"];

/** The order's state in ledger and shop. The ledger learns later what the shop's own webhook did. */
async function standing({ sql }: Bench, { id }: OrderModel): Promise<{ ledger: string | null; paid: boolean }> {
  const [row] = await sql<{ ledger: string | null; paid: boolean }[]>`
    select l.status as ledger, coalesce(l.status = 'paid', false) or o.status = 'paid' as paid
    from public.orders o left join lapse.orders l on l.ref = o.id::text where o.id::text = ${id}`;
  return row!;
}

/** An unattached payment of an order that may be closed by now; the customer can still pay it. */
export async function payLate(bench: Bench, order: OrderModel, { pay }: { pay: boolean }): Promise<void> {
  const stripeId = createAtStripe(bench, order.id, { intent: {} });
  const payment: PaymentModel = { stripeId, attached: false, late: true, fate: "open" };
  order.payments.push(payment);
  if (pay && (await bench.stripe.customer({ id: stripeId, verb: "confirm_ok" })).accepted) payment.fate = "paid";
}

/** The shop's staff gives money back in the Dashboard, or the customer's bank takes it. */
export async function takeBack(bench: Bench, order: OrderModel, payment: PaymentModel, how: Return): Promise<void> {
  if (payment.fate !== "paid") return;
  const id = intentIdOf(bench.stripe, payment.stripeId)!;
  const { ledger, paid } = await standing(bench, order);
  const { accepted } = how === "dispute"
    ? await bench.stripe.customer({ id, verb: "dispute" })
    : await bench.stripe.customer({ id, verb: "refund", ...(how === "part" ? { amount: 500 } : {}) });
  if (!accepted) return;
  if (paid) order.settled = true;
  else if (ledger === "expiring") order.perhaps = true;
  if (isReturned(bench, payment)) payment.fate = "returned";
  else payment.unclear = true;
}

/** Whether its money was refunded in full. */
function isReturned({ stripe }: Bench, { stripeId }: PaymentModel): boolean {
  const entries = stripe.ledger().filter(({ intent }) => intent === intentIdOf(stripe, stripeId));
  const sum = (kind: string) => entries.filter((it) => it.kind === kind).reduce((n, { amount }) => n + amount, 0);
  return sum("charged") > 0 && sum("charged") <= sum("refunded") - sum("refund_failed");
}

/** An order of the last article of its kind; null while another one holds it. */
export async function placeLast(bench: Bench): Promise<OrderModel | null> {
  const [row] = await bench.sql`select on_hand - reserved as free from public.inventory where sku = 'last'`;
  if (row!.free < 1) return null;
  return { id: (await placeOrder(bench, { payments: [], sku: "last" })).id, payments: [], sku: "last" };
}

export type Kept = { backup: Backup; orders: { id: string; payments: Set<string> }[] };

export async function keepBackup(bench: Bench, orders: OrderModel[]): Promise<Kept> {
  return {
    backup: await dump(bench),
    orders: orders.map(({ id, payments }) => ({ id, payments: new Set(payments.map(({ stripeId }) => stripeId)) })),
  };
}

/**
 * The shop comes back as it was, some minutes later. Orders of the time between are gone. The others are asked anew how their payments stand,
 * and those that the shop attached in between are found in Stripe's lists.
 */
export async function goBack(bench: Bench, kept: Kept, orders: OrderModel[]): Promise<OrderModel[]> {
  await restore(bench, kept.backup);
  await bench.sql`delete from net.http_request_queue`;
  bench.time.advance(5 * MINUTE);
  const left: OrderModel[] = [];
  for (const order of orders) {
    const before = kept.orders.find(({ id }) => id === order.id);
    if (!before) continue;
    const { ledger, paid } = await standing(bench, order);
    const isClosed = ledger === "expired" || paid;
    const payments = order.payments.map((payment): PaymentModel => ({
      ...payment,
      ...(payment.attached && !before.payments.has(payment.stripeId) ? { attached: false } : {}),
      ...(isClosed ? {} : { listed: true, late: false }),
      ...(isReturned(bench, payment) ? { fate: "returned" as const, unclear: false } : {}),
    }));
    left.push({ ...order, payments, settled: paid, perhaps: false, restored: true });
  }
  return left;
}

/** The cursors of Stripe's lists go back, or are lost; what they passed is read again. */
export async function openGap({ sql }: Bench, { lost }: { lost: boolean }): Promise<void> {
  if (lost) return void await sql`delete from lapse.list_cursors`;
  await sql`update lapse.list_cursors set read_from = least(read_from, read_to - interval '3 hours'), read_to = read_to - interval '3 hours'`;
}
