import postgres from "postgres";

const BATCH = 100;

/** The same loop as prisma-loop.mjs on the plain driver, for machines that cannot get Prisma. Answers milliseconds. */
export async function postgresLoop(url: string, orders: number): Promise<number> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  // The shop's own loop: the triggers that feed Lapse are not its own.
  await sql`set session_replication_role = replica`;
  const runId = crypto.randomUUID();
  // The first orders are not counted: connecting and compiling are no order's cost.
  await expireOrders(sql, { runId, most: BATCH });
  const started = performance.now();
  await expireOrders(sql, { runId, most: orders });
  const elapsed = performance.now() - started;
  await sql.end();
  return elapsed;
}

async function expireOrders(sql: postgres.Sql, { runId, most }: { runId: string; most: number }): Promise<void> {
  for (let done = 0; done < most;) {
    const batch = await sql<{ id: string }[]>`
      select id from public.orders
      where status = 'pending' and expires_at <= now()
      order by expires_at limit ${BATCH}`;
    if (batch.length === 0) throw new Error(`Cannot compare: the loop expired ${done} of ${most}`);
    for (const { id } of batch) await sql.begin((tx) => expire(tx, { id, runId }));
    done += batch.length;
  }
}

async function expire(tx: postgres.TransactionSql, { id, runId }: { id: string; runId: string }): Promise<void> {
  const { count } = await tx`
    update public.orders set status = 'expired', expired_at = now()
    where id = ${id} and status = 'pending'`;
  if (count === 0) return;
  const held = await tx<{ sku: string; quantity: number }[]>`
    select sku, quantity from public.stock_reservations where order_id = ${id} and state = 'held'`;
  let units = 0;
  for (const { sku, quantity } of held) {
    await tx`
      update public.stock_reservations set state = 'released' where order_id = ${id} and sku = ${sku}`;
    await tx`update public.inventory set reserved = reserved - ${quantity} where sku = ${sku}`;
    units += quantity;
  }
  await tx`
    insert into lapse.decisions (run_id, job, subject, ref, outcome, reason, units_released, decided_at)
    values (${runId}, 'expire-stale-orders', 'order', ${id}, 'expired', 'no_payment', ${units}, now())`;
  await tx`
    update lapse.metrics
    set orders_expired_total = orders_expired_total + 1, stock_released_total = stock_released_total + ${units}
    where job = 'expire-stale-orders'`;
}
