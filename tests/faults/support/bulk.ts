import type postgres from "postgres";

/**
 * Due orders of one unit each of both articles, without payments, watched and their notes read. In bulk, because thousands of orders placed in
 * one transaction leave thousands of versions of the same two inventory rows for the next one.
 */
export async function placeInBulk(sql: postgres.Sql, orders: number, now: Date = new Date()): Promise<void> {
  const at = now.toISOString();
  await sql.begin(async (sql) => {
    await sql`
      with placed as (
        insert into public.orders (currency, amount, created_at, expires_at)
        select 'eur', 2000, at, at
        from (select ${at}::timestamptz - interval '1 hour' + n * interval '1 millisecond' as at from generate_series(1, ${orders}) n) x
        returning id
      )
      insert into public.stock_reservations (order_id, sku, quantity)
      select p.id, sku, 1 from placed p, unnest('{tea,mug}'::text[]) sku`;
    await sql`update public.inventory set reserved = reserved + ${orders} where sku in ('tea', 'mug')`;
  });
  await sql`select lapse.fold_inbox(p_refs => null, p_limit => ${orders}, p_now => ${at}::timestamptz)`;
  await sql`vacuum analyze public.orders, public.stock_reservations, lapse.orders, lapse.inbox`;
}
