import type postgres from "postgres";
import type { Databases } from "../local/platform/databases.ts";
import type { Bench, Size } from "./support/bench.ts";
import { placeOrdersWithoutPayment } from "./support/backlog.ts";
import { type Figure, figureOf } from "./support/figure.ts";
import { fillOnce } from "./support/filled.ts";
import { openShop } from "./support/shop.ts";

const SIZES = {
  toy: { orders: 300, rounds: 1 },
  quick: { orders: 100_000, rounds: 3 },
  full: { orders: 100_000, rounds: 7 },
};

/** Expiring a backlog without payments, against one hand-written statement that makes the same row changes. */
export const settle: Bench = {
  name: "settle",
  async run(size: Size, databases: Databases): Promise<Figure[]> {
    const { orders, rounds } = SIZES[size];
    await using filled = await fillOnce(databases, (sql) => placeOrdersWithoutPayment({ sql }, orders));
    const ratios: number[] = [];
    const behind = { statementMs: 0, functionMs: 0 };
    for (let round = 0; round < rounds; round++) {
      // In turns, and each first as often as last: what else the machine does hits both.
      const first = round % 2 === 0;
      const early = first ? await statementMs(filled, orders) : undefined;
      behind.functionMs = await functionMs(filled, orders);
      behind.statementMs = early ?? await statementMs(filled, orders);
      ratios.push(behind.functionMs / behind.statementMs);
    }
    return [
      figureOf("settle", "function over one hand-written statement", {
        unit: "ratio",
        samples: ratios,
        size: `${orders} orders`,
        goal: { atMost: 1.5 },
        behind: { ...behind, ordersPerSecond: orders / (behind.functionMs / 1_000) },
      }),
    ];
  },
};

async function statementMs(filled: Databases, orders: number): Promise<number> {
  await using shop = await openShop(filled);
  const started = performance.now();
  const [counted] = await expireByHand(shop.sql, crypto.randomUUID());
  const elapsed = performance.now() - started;
  if (Number(counted?.expired) !== orders) throw new Error(`Cannot compare: the statement expired ${counted?.expired}`);
  return elapsed;
}

/** With the function warm: its start is what the bench `cold` measures. */
export async function functionMs(filled: Databases, orders: number): Promise<number> {
  await using shop = await openShop(filled);
  await shop.stack.functions.warm("expire-stale-orders");
  const started = performance.now();
  const report = await shop.run();
  const elapsed = performance.now() - started;
  if (report.paymentsExpired !== orders) {
    throw new Error(`Cannot compare: the function expired ${report.paymentsExpired}`);
  }
  return elapsed;
}

/** The same rows change in the same tables, under the same constraints, triggers and indexes. */
function expireByHand(sql: postgres.Sql, runId: string) {
  return sql`
    with run as (
      insert into public.job_runs (id, job, trigger, status, finished_at)
      values (${runId}, 'expire-stale-orders', 'server', 'succeeded', now())
    ),
    expired as (
      update public.orders
      set status = 'expired', status_reason = 'no_payment', expired_at = now(), next_check_at = null
      where status in ('pending', 'expiring') and next_check_at <= now() and payment_count = 0
      returning id
    ),
    released as (
      update public.stock_reservations r set state = 'released', closed_at = now()
      from expired e
      where r.order_id = e.id and r.state = 'held'
      returning r.order_id, r.sku, r.quantity
    ),
    shelved as (
      update public.inventory i set reserved = i.reserved - r.units, updated_at = now()
      from (select sku, sum(quantity) as units from released group by sku) r
      where r.sku = i.sku
    ),
    decided as (
      insert into public.job_decisions (run_id, job, subject, order_id, outcome, reason, units_released, decided_at)
      select ${runId}::uuid, 'expire-stale-orders', 'order', r.order_id, 'expired', 'no_payment', sum(r.quantity), now()
      from released r
      group by r.order_id
      returning units_released
    ),
    counted as (select count(*) as expired, sum(units_released) as units from decided),
    daily as (
      insert into public.job_metrics_daily (job, day, payments_expired, stock_released)
      select 'expire-stale-orders', current_date, expired, units from counted
    ),
    totals as (
      update public.job_metrics set payments_expired_total = expired, stock_released_total = units
      from counted
      where job = 'expire-stale-orders'
    )
    select expired from counted`;
}
