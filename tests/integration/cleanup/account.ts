import type { IntentSpec } from "../../../local/stripe-simulator/specs.ts";
import type { Bench } from "./bench.ts";

const DAY = 86_400;

/** What the clean-up has to do with an account, by intent id. */
export type Expected = { ended: Set<string>; late: Set<string>; paid: Set<string> };

type Kind = {
  order: "pending" | "paid" | "expired" | "absent";
  spec: IntentSpec;
  becomes: "ended" | "late" | "paid" | "none";
};

/** Kinds of payments, as often as they stand here. */
const KINDS: Kind[] = [
  { order: "expired", spec: {}, becomes: "ended" },
  { order: "expired", spec: { status: "requires_confirmation" }, becomes: "ended" },
  { order: "expired", spec: { status: "canceled" }, becomes: "none" },
  { order: "paid", spec: { status: "requires_action", nextAction: "redirect_to_url" }, becomes: "ended" },
  { order: "paid", spec: { status: "succeeded" }, becomes: "none" },
  { order: "paid", spec: { status: "succeeded" }, becomes: "none" },
  { order: "paid", spec: { status: "requires_capture" }, becomes: "none" },
  { order: "absent", spec: {}, becomes: "ended" },
  { order: "absent", spec: { status: "processing" }, becomes: "none" },
  { order: "pending", spec: {}, becomes: "none" },
  { order: "expired", spec: { metadata: {} }, becomes: "none" },
  { order: "expired", spec: { metadata: { order_id: "4711" } }, becomes: "none" },
  { order: "expired", spec: { metadata: {}, status: "succeeded" }, becomes: "none" },
  { order: "absent", spec: { livemode: true }, becomes: "none" },
];
/** One in so many payments is a find. */
const FINDS: Kind[] = [
  { order: "expired", spec: { status: "succeeded" }, becomes: "late" },
  { order: "absent", spec: { status: "succeeded" }, becomes: "late" },
  { order: "pending", spec: { status: "succeeded" }, becomes: "paid" },
];

/** Fills the account with `payments` payments of all kinds, created evenly between so many days ago and so many. */
export async function populate(
  { sql, stripe, now }: Bench,
  { payments, oldest, youngest, findEvery = 97 }: {
    payments: number;
    oldest: number;
    youngest: number;
    findEvery?: number;
  },
): Promise<Expected> {
  const expected: Expected = { ended: new Set(), late: new Set(), paid: new Set() };
  const start = Math.floor(now().getTime() / 1_000) - oldest * DAY;
  const step = (oldest - youngest) * DAY / payments;
  const orders: { id: string; status: string }[] = [];
  for (let n = 0; n < payments; n++) {
    const kind = n % findEvery === 0 ? FINDS[(n / findEvery) % FINDS.length]! : KINDS[n % KINDS.length]!;
    const order = { id: crypto.randomUUID(), status: kind.order };
    if (kind.order !== "absent") orders.push(order);
    const created = Math.floor(start + n * step);
    const [id] = stripe.createPaymentIntents([{ metadata: { order_id: order.id }, created, ...kind.spec }]);
    if (kind.becomes !== "none") expected[kind.becomes].add(id!);
    // The payment of a paid order is the one that the shop knows.
    if (kind.order === "paid" && kind.spec.status === "succeeded") Object.assign(order, { payment: id });
  }
  await sql`
    insert into public.orders (id, status, currency, amount, expires_at, next_check_at, paid_at)
    select o.id, case o.status when 'expired' then 'pending' else o.status end, 'eur', 2000, now(),
      case when o.status <> 'paid' then now() + interval '1 year' end, case when o.status = 'paid' then now() end
    from jsonb_to_recordset(${sql.json(orders)}) as o (id uuid, status text)`;
  await sql`
    insert into public.order_payments (order_id, kind, stripe_id, state, evidence, closed_at)
    select o.id, 'payment_intent', o.payment, 'paid', '{}', now()
    from jsonb_to_recordset(${sql.json(orders)}) as o (id uuid, payment text)
    where o.payment is not null`;
  await sql`
    update public.orders o set status = 'expired', expired_at = now(), next_check_at = null
    from jsonb_to_recordset(${sql.json(orders)}) as x (id uuid, status text)
    where o.id = x.id and x.status = 'expired'`;
  return expected;
}

/** Full pages, with two stale payments and two finds on each among those of others, and two stale payments the database knows. */
export async function fillPages(bench: Bench, pages: number): Promise<Expected> {
  const expected: Expected = { ended: new Set(), late: new Set(), paid: new Set() };
  for (let page = 0; page < pages; page++) {
    const at = { daysAgo: 10 + page };
    for (let n = 0; n < 2; n++) expected.ended.add(bench.intent(await bench.order("expired"), at));
    expected.late.add(bench.intent(await bench.order("expired"), { ...at, status: "succeeded" }));
    const paid = await bench.order("pending");
    expected.paid.add(bench.intent(paid, { ...at, status: "succeeded" }));
    bench.intent("", { ...at, metadata: {}, count: 96 });
  }
  for (let n = 0; n < 2; n++) {
    const orderId = await bench.order("paid");
    const stripeId = bench.intent(orderId, { daysAgo: 1 });
    await bench.attach(orderId, stripeId);
    expected.ended.add(stripeId);
  }
  return expected;
}
