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

/** Expiring a backlog without payments through function, ledger and adapter, against one hand-written statement on the shop. */
export const settle: Bench = {
  name: "settle",
  async run(size: Size, databases: Databases): Promise<Figure[]> {
    const { orders, rounds } = SIZES[size];
    await using filled = await fillOnce(databases, (admin) => placeOrdersWithoutPayment({ admin }, orders));
    const ratios: number[] = [];
    const behind = { statementMs: 0, functionMs: 0 };
    for (let round = 0; round < rounds; round++) {
      // In turns, and each first as often as last: what else the machine does affects both.
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
  const [counted] = await expireByHand(shop.admin, crypto.randomUUID());
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
  if (report.ordersExpired !== orders) throw new Error(`Cannot compare: the function expired ${report.ordersExpired}`);
  return elapsed;
}

/**
 * What a shop without Lapse would write, with the same records of what was done: orders, reservations, stock, one decision an order,
 * and counters. The shop's triggers for Lapse are not its own, so they stay silent.
 */
async function expireByHand(admin: postgres.Sql, runId: string) {
  const sql = await admin.reserve();
  try {
    await sql`set session_replication_role = replica`;
    return await sql`
      with expired as (
        update public.orders set status = 'expired', expired_at = now()
        where status = 'pending' and expires_at <= now()
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
      decided as (
        insert into lapse.decisions (run_id, job, subject, ref, outcome, reason, units_released, decided_at)
        select ${runId}::uuid, 'expire-stale-orders', 'order', r.order_id::text, 'expired', 'no_payment', sum(r.quantity), now()
        from released r
        group by r.order_id
        returning units_released
      ),
      counted as (select count(*) as expired, sum(units_released) as units from decided),
      daily as (
        insert into lapse.metrics_daily (job, day, orders_expired, stock_released)
        select 'expire-stale-orders', current_date, expired, units from counted
      ),
      totals as (
        update lapse.metrics set orders_expired_total = expired, stock_released_total = units
        from counted
        where job = 'expire-stale-orders'
      )
      select expired from counted`;
  } finally {
    sql.release();
  }
}
