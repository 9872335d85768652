import type postgres from "postgres";
import type { Shop } from "./shop.ts";

/** Articles that the backlog's orders hold: enough that settlements touch many rows of inventory, as in a real shop. */
const SKUS = 1_000;

/** A superuser's connection: the ledger is filled directly, without the triggers that would append each row to the inbox. */
type Admin = { admin: postgres.Sql };

/** Fills the shelves and places due orders that hold one unit each and never had a payment. */
export async function placeOrdersWithoutPayment({ admin }: Admin, count: number): Promise<void> {
  await withoutTriggers(admin, async (sql) => {
    await sql`
      insert into public.orders (id, status, currency, amount, created_at, expires_at)
      select gen_random_uuid(), 'pending', 'eur', 2000, now() - interval '2 hours', now() - interval '1 hour' + n * interval '1 ms'
      from generate_series(1, ${count}::int) n`;
    await watchAll(sql);
    await reserve(sql);
  });
  await admin`vacuum analyze`;
}

/**
 * Places due orders with one unpaid intent each, at Stripe as well; intents are `spacingSeconds` apart. Bypasses place_order and
 * lapse_attach_payment, which would take minutes for the sizes measured here.
 */
export async function placeOrdersWithIntent(
  { admin, stack }: Shop,
  { count, spacingSeconds = 1, livemode = false }: { count: number; spacingSeconds?: number; livemode?: boolean },
): Promise<void> {
  const start = Math.floor(Date.now() / 1_000) - 7_200 - Math.ceil(count * spacingSeconds);
  await withoutTriggers(admin, async (sql) => {
    const rows = await sql<{ id: string }[]>`
      insert into public.orders (id, status, currency, amount, created_at, expires_at)
      select gen_random_uuid(), 'pending', 'eur', 2000, to_timestamp(${start}::float8 + n * ${spacingSeconds}::float8),
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
    await watchAll(sql);
    await sql`
      insert into lapse.payments (stripe_id, ref, attached_at)
      select p.stripe_id, p.ref, to_timestamp(${start}::float8)
      from unnest(${intents}::text[], ${ids}::text[]) as p (stripe_id, ref)`;
    await sql`update lapse.orders set payments = 1 where ref = any (${ids}::text[])`;
    await reserve(sql);
  });
  await admin`vacuum analyze`;
}

/** Open payments of orders that the shop closed itself: what the clean-up cancels. */
export async function placeLeftovers(
  { admin, stack }: Shop,
  { count, livemode = false }: { count: number; livemode?: boolean },
): Promise<void> {
  const refs = Array.from({ length: count }, () => crypto.randomUUID());
  const created = Math.floor(Date.now() / 1_000) - 30 * 86_400;
  const ids = stack.simulator!.control.createPaymentIntents(refs.map((ref) => ({
    amount: 2000,
    livemode,
    metadata: { order_id: ref },
    created,
  })));
  await withoutTriggers(admin, async (sql) => {
    await sql`
      insert into public.orders (id, status, currency, amount, created_at, expires_at, expired_at)
      select r::uuid, 'expired', 'eur', 2000, to_timestamp(${created}), to_timestamp(${created}), now()
      from unnest(${refs}::text[]) r`;
    await sql`
      insert into lapse.orders (
        ref, status, reason, amount, currency, placed_at, deadline, next_check_at, due_since, payments, closed_at
      )
      select r, 'expired', 'closed_by_shop', 2000, 'eur', to_timestamp(${created}), to_timestamp(${created}), now(), now(), 1, now()
      from unnest(${refs}::text[]) r`;
    await sql`
      insert into lapse.payments (stripe_id, ref, attached_at)
      select p.stripe_id, p.ref, to_timestamp(${created})
      from unnest(${ids}::text[], ${refs}::text[]) as p (stripe_id, ref)`;
  });
}

/** Payments that another application made on the same account: they carry no order. */
export function createForeignIntents({ stack }: Shop, { count, from, seconds }: Stretch): void {
  stack.simulator!.control.createPaymentIntents([
    { count, status: "succeeded", created: from, createdStep: seconds / count },
  ]);
}

/** `from`: Unix seconds of the first payment; the last one is `seconds` later. */
export type Stretch = { count: number; from: number; seconds: number };

/** Payments of orders that the ledger knows and has recorded as paid, as nearly all of a shop's payments are. */
export async function createSettledIntents({ stack, admin }: Shop, { count, from, seconds }: Stretch): Promise<void> {
  const refs = Array.from({ length: count }, () => crypto.randomUUID());
  const ids = stack.simulator!.control.createPaymentIntents(refs.map((ref, n) => ({
    amount: 2000,
    status: "succeeded" as const,
    metadata: { order_id: ref },
    created: Math.floor(from + n * seconds / count),
  })));
  await withoutTriggers(admin, async (sql) => {
    await sql`
      insert into lapse.orders (ref, status, amount, currency, placed_at, deadline, payments, closed_at, looks)
      select r.ref, 'paid', 2000, 'eur', to_timestamp(${from}), to_timestamp(${from}), 1, now(), 1
      from unnest(${refs}::text[]) as r (ref)`;
    await sql`
      insert into lapse.payments (stripe_id, ref, state, reason, evidence, attached_at, closed_at)
      select p.stripe_id, p.ref, 'paid', 'paid', '{}', to_timestamp(${from}), now()
      from unnest(${ids}::text[], ${refs}::text[]) as p (stripe_id, ref)`;
  });
  await admin`vacuum analyze lapse.orders, lapse.payments`;
}

async function withoutTriggers(admin: postgres.Sql, work: (sql: postgres.Sql) => Promise<void>): Promise<void> {
  const connection = await admin.reserve();
  try {
    await connection`set session_replication_role = replica`;
    await work(connection);
    await connection`set session_replication_role = origin`;
  } finally {
    connection.release();
  }
}

/** What the triggers and the inbox would have written. */
async function watchAll(sql: postgres.Sql): Promise<void> {
  await sql`
    insert into lapse.orders (ref, amount, currency, placed_at, deadline, next_check_at, due_since)
    select o.id::text, o.amount, o.currency, o.created_at, o.expires_at, o.expires_at + interval '2 minutes',
      o.expires_at + interval '2 minutes'
    from public.orders o
    where o.status = 'pending'
    on conflict (ref) do nothing`;
}

async function reserve(sql: postgres.Sql): Promise<void> {
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
}
