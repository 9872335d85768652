import type postgres from "postgres";
import type { Databases } from "../local/platform/databases.ts";
import type { Bench, Size } from "./support/bench.ts";
import { placeOrdersWithoutPayment } from "./support/backlog.ts";
import { type Figure, figureOf } from "./support/figure.ts";
import { fillOnce } from "./support/filled.ts";
import { serverCpuMs } from "./support/function-process.ts";
import { openShop } from "./support/shop.ts";

const SIZES = {
  toy: { orders: 300, rounds: 1 },
  quick: { orders: 40_000, rounds: 2 },
  full: { orders: 100_000, rounds: 5 },
};

/** Expiring a backlog without payments through function, ledger and adapter, against one hand-written statement on the shop. */
export const settle: Bench = {
  name: "settle",
  async run(size: Size, databases: Databases): Promise<Figure[]> {
    const { orders, rounds } = SIZES[size];
    await using filled = await fillOnce(databases, (admin) => placeOrdersWithoutPayment({ admin }, orders));
    const ratios: number[] = [];
    const behind = { statementMs: 0, functionMs: 0 };
    const cpu = { lapse: [] as number[], withLedger: [] as number[] };
    for (let round = 0; round < rounds; round++) {
      // In turns, each first as often as last, so that other load affects both.
      const first = round % 2 === 0;
      const early = first ? await statementMs(filled, orders) : undefined;
      behind.functionMs = await functionMs(filled, orders);
      behind.statementMs = early ?? await statementMs(filled, orders);
      ratios.push(behind.functionMs / behind.statementMs);
      const statement = await cpuMs(filled, (sql) => expireByHand(sql), orders);
      cpu.withLedger.push(await cpuMs(filled, byHandInBatches, orders) / statement);
      cpu.lapse.push(await cpuMs(filled, closeInBatches, orders) / statement);
    }
    const inSql = { unit: "ratio", size: `${orders} orders, CPU of the database alone` };
    return [
      figureOf("settle", "function over one hand-written statement", {
        unit: "ratio",
        samples: ratios,
        size: `${orders} orders`,
        goal: { atMost: 1.4 },
        behind: { ...behind, ordersPerSecond: orders / (behind.functionMs / 1_000) },
      }),
      figureOf("settle", "close_without_payments in batches, over that statement", { ...inSql, samples: cpu.lapse }),
      figureOf("settle", "the statement in batches of 5,000 that write a ledger row as well, over that statement", {
        ...inSql,
        samples: cpu.withLedger,
      }),
    ];
  },
};

async function statementMs(filled: Databases, orders: number): Promise<number> {
  await using shop = await openShop(filled);
  await using sql = await reserve(shop.admin);
  const started = performance.now();
  expect(await expireByHand(sql), orders);
  return performance.now() - started;
}

/** The database's CPU for this work, in a copy of the filled database. */
async function cpuMs(
  filled: Databases,
  work: (sql: postgres.ReservedSql) => Promise<number>,
  orders: number,
): Promise<number> {
  await using shop = await openShop(filled);
  await using sql = await reserve(shop.admin);
  const before = await serverCpuMs(sql);
  expect(await work(sql), orders);
  return await serverCpuMs(sql) - before;
}

function expect(expired: number, orders: number): void {
  if (expired !== orders) throw new Error(`Cannot compare: ${expired} of ${orders} orders expired`);
}

async function reserve(admin: postgres.Sql): Promise<postgres.ReservedSql & AsyncDisposable> {
  const sql = await admin.reserve();
  return Object.assign(sql, { [Symbol.asyncDispose]: () => Promise.resolve(sql.release()) });
}

/** What the function does through HTTP, on one connection. */
async function closeInBatches(sql: postgres.ReservedSql): Promise<number> {
  await sql`
    insert into lapse.list_cursors (account, livemode, list, read_from, read_to)
    select '', false, l, now() - interval '90 days', now() + interval '1 hour'
    from unnest(array['payment_intents', 'checkout_sessions']) l
    on conflict (account, livemode, list) do update set read_to = excluded.read_to`;
  const runId = crypto.randomUUID();
  const [begun] = await sql`
    select lapse.begin_run(p_run_id => ${runId}, p_job => 'expire-stale-orders', p_trigger => 'server', p_requested_by => 'bench',
      p_reason => 'bench', p_dry_run => false, p_limit => null, p_release_brake => true) as answer`;
  let expired = 0;
  for (;;) {
    const [row] = await sql`
      select lapse.close_without_payments(${runId}::uuid, ${begun!.answer.run.fence}::bigint, 100000) as closed`;
    if (row!.closed.moved === 0) return expired;
    expired += row!.closed.expired;
  }
}

/** With the function warm: its start is what the bench `cold` measures. */
export async function functionMs(filled: Databases, orders: number): Promise<number> {
  await using shop = await openShop(filled);
  await shop.stack.functions.warm("expire-stale-orders");
  const started = performance.now();
  const report = await shop.run();
  const elapsed = performance.now() - started;
  if (report.ordersExpired !== orders) throw new Error(`Cannot compare: the function expired ${report.ordersExpired}`);
  return elapsed;
}

/** What a product with a ledger cannot avoid: a row more to write, and no transaction that holds the shop's rows for long. */
async function byHandInBatches(sql: postgres.ReservedSql): Promise<number> {
  let expired = 0;
  for (;;) {
    const closed = await expireByHand(sql, { ledger: true, batch: 5_000 });
    if (closed === 0) return expired;
    expired += closed;
  }
}

/**
 * The writes of a shop without Lapse, with the same records of what was done: orders, reservations, stock, one
 * decision per order, and counters. The shop's triggers for Lapse are not its own, so they stay silent.
 */
async function expireByHand(
  sql: postgres.ReservedSql,
  { ledger = false, batch }: { ledger?: boolean; batch?: number } = {},
): Promise<number> {
  await sql`set session_replication_role = replica`;
  const due = sql`status = 'pending' and expires_at <= now()`;
  const [row] = await sql`
    with expired as (
      update public.orders set status = 'expired', expired_at = now()
      where ${batch === undefined ? due : sql`id in (select id from public.orders where ${due} limit ${batch})`}
      returning id
    ),
    released as (
      update public.stock_reservations r set state = 'released'
      from expired e
      where r.order_id = e.id and r.state = 'held'
      returning r.order_id, r.sku, r.quantity
    ),
    shelved as (
      update public.inventory i set reserved = i.reserved - r.units
      from (select sku, sum(quantity) as units from released group by sku) r
      where r.sku = i.sku
    ),
    ledger as (
      update lapse.orders o
      set status = 'expired', reason = 'no_payment', next_check_at = null, looks = o.looks + 1, closed_at = now()
      from released r
      where ${ledger} and o.ref = r.order_id::text and o.status = 'pending'
    ),
    decided as (
      insert into lapse.decisions (run_id, job, subject, ref, outcome, reason, units_released, decided_at)
      select ${crypto.randomUUID()}::uuid, 'expire-stale-orders', 'order', r.order_id::text, 'expired', 'no_payment',
        sum(r.quantity), now()
      from released r
      group by r.order_id
      returning units_released
    ),
    counted as (select count(*) as expired, coalesce(sum(units_released), 0) as units from decided),
    daily as (
      insert into lapse.metrics_daily as m (job, day, orders_expired, stock_released)
      select 'expire-stale-orders', current_date, expired, units from counted
      on conflict (job, day) do update
      set orders_expired = m.orders_expired + excluded.orders_expired,
          stock_released = m.stock_released + excluded.stock_released
    ),
    totals as (
      update lapse.metrics
      set orders_expired_total = orders_expired_total + expired, stock_released_total = stock_released_total + units
      from counted
      where job = 'expire-stale-orders'
    )
    select expired from counted`;
  return Number(row!.expired);
}
