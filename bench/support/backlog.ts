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
 * place_order and attach_payment, which would take minutes for the sizes measured here.
 */
export async function placeOrdersWithIntent(
  { sql, stack }: Shop,
  { count, spacingSeconds, livemode = false }: { count: number; spacingSeconds: number; livemode?: boolean },
): Promise<void> {
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
