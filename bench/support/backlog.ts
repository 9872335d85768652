import type { Shop } from "./shop.ts";

/** Articles that the backlog's orders hold: enough that settlements touch many rows of inventory, as in a real shop. */
const SKUS = 1_000;

/** Fills the shelves and places due orders that hold one unit each and never had a payment. */
export async function placeOrdersWithoutPayment({ sql }: Pick<Shop, "sql">, count: number): Promise<void> {
  await sql`
    insert into public.orders (currency, amount, created_at, expires_at, next_check_at)
    select 'eur', 2000, now() - interval '2 hours', now() - interval '1 hour', now() - interval '1 hour' + n * interval '1 ms'
    from generate_series(1, ${count}::int) n`;
  await reserve({ sql });
}

/**
 * Places due orders with one unpaid intent each, at Stripe as well; intents are `spacingSeconds` apart. Goes round
 * place_order and attach_payment, which would take minutes for the sizes measured here. Answers when the first was created, in Unix
 * seconds.
 */
export async function placeOrdersWithIntent(
  { sql, stack }: Shop,
  { count, spacingSeconds, livemode = false }: { count: number; spacingSeconds: number; livemode?: boolean },
): Promise<{ start: number }> {
  const start = Math.floor(Date.now() / 1_000) - 7_200 - Math.ceil(count * spacingSeconds);
  const rows = await sql<{ id: string }[]>`
    insert into public.orders (currency, amount, created_at, expires_at, next_check_at)
    select 'eur', 2000, to_timestamp(${start}::float8 + n * ${spacingSeconds}::float8), now() - interval '1 hour',
      now() - interval '1 hour' + n * interval '1 ms'
    from generate_series(0, ${count - 1}::int) n
    returning id`;
  const ids = rows.map(({ id }) => id);
  const intents = stack.simulator!.control.createPaymentIntents(ids.map((id, n) => ({
    amount: 2000,
    livemode,
    metadata: { order_id: id },
    created: Math.floor(start + n * spacingSeconds),
  })));
  await sql`
    insert into public.order_payments (order_id, kind, stripe_id, created_at)
    select p.order_id, 'payment_intent', p.stripe_id, to_timestamp(${start}::float8 + (p.n - 1) * ${spacingSeconds}::float8 + 1)
    from unnest(${ids}::uuid[], ${intents}::text[]) with ordinality as p (order_id, stripe_id, n)`;
  await reserve({ sql });
  return { start };
}

/**
 * What a shop leaves behind on Stripe's list: of five orders four were paid and one expired, each with one intent, `seconds` from the
 * first to the last.
 */
export async function placeClosedOrders(
  { sql, stack }: Shop,
  { count, from, seconds }: { count: number; from: number; seconds: number },
): Promise<void> {
  const rows = await sql<{ id: string; status: "paid" | "expired" }[]>`
    insert into public.orders (status, currency, amount, created_at, expires_at, paid_at, expired_at)
    select c.status, 'eur', 2000, c.at, c.at + interval '30 minutes', case c.status when 'paid' then c.at end,
      case c.status when 'expired' then c.at + interval '35 minutes' end
    from (
      select case when n % 5 = 0 then 'expired' else 'paid' end as status, to_timestamp(${from}::float8 + n * ${
    seconds / count
  }::float8) as at
      from generate_series(0, ${count - 1}::int) n
    ) c
    returning id, status`;
  const intents = stack.simulator!.control.createPaymentIntents(rows.map(({ id, status }, n) => ({
    amount: 2000,
    metadata: { order_id: id },
    status: status === "paid" ? "succeeded" : "canceled",
    created: Math.floor(from + n * seconds / count),
  })));
  await sql`
    insert into public.order_payments (order_id, kind, stripe_id, state, evidence, created_at, closed_at)
    select o.id, 'payment_intent', p.stripe_id, case o.status when 'paid' then 'paid' else 'dead' end, '{}', o.created_at, now()
    from unnest(${rows.map(({ id }) => id)}::uuid[], ${intents}::text[]) as p (order_id, stripe_id)
    join public.orders o on o.id = p.order_id`;
  await sql`vacuum analyze public.orders, public.order_payments`;
}

async function reserve({ sql }: Pick<Shop, "sql">): Promise<void> {
  await sql`
    insert into public.inventory (sku, on_hand) select 'sku-' || n, 1000000 from generate_series(1, ${SKUS}::int) n
    on conflict do nothing`;
  await sql`
    insert into public.stock_reservations (order_id, sku, quantity)
    select o.id, 'sku-' || 1 + row_number() over () % ${SKUS}::int, 1
    from public.orders o
    where o.status = 'pending' and not exists (select from public.stock_reservations r where r.order_id = o.id)`;
  await sql`
    update public.inventory i set reserved = r.units
    from (select sku, sum(quantity)::int as units from public.stock_reservations where state = 'held' group by sku) r
    where r.sku = i.sku`;
  await sql`vacuum analyze`;
}
