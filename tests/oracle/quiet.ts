/** What else has to be true once faults stopped, every lease ran out and one tick passed (promises 6 and 8 of docs/design.md). */
import assert from "node:assert/strict";
import type postgres from "postgres";
import { brokenPromises, type OracleInput } from "./oracle.ts";
import { named } from "./promises.ts";

/** Units on the shelves before the first order, by SKU. */
export type QuietInput = OracleInput & { onHand: Record<string, number> };

/** Fails with every promise that does not hold, those of a quiet shop included. */
export async function assertQuiet(input: QuietInput): Promise<void> {
  const broken = await brokenWhenQuiet(input);
  assert.deepEqual(broken, [], named(broken));
}

/** One sentence per broken promise; empty when all hold. */
export async function brokenWhenQuiet(input: QuietInput): Promise<string[]> {
  return [
    ...await brokenPromises(input),
    ...await heldByNobody(input.sql),
    ...await unendedRuns(input.sql),
    ...await lostUnits(input),
    ...await unexplainedReleases(input.sql),
  ];
}

async function heldByNobody(sql: postgres.Sql): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`select id from public.orders where status = 'expiring'`;
  return rows.map(({ id }) => `6: order ${id} is still expiring`);
}

async function unendedRuns(sql: postgres.Sql): Promise<string[]> {
  const rows = await sql<
    { id: string; status: string }[]
  >`select id, status from public.job_runs where finished_at is null`;
  return rows.map(({ id, status }) => `8: run ${id} is still ${status}`);
}

/** Units leave the shelves in one way only: sold. */
async function lostUnits({ sql, onHand }: QuietInput): Promise<string[]> {
  const rows = await sql<{ sku: string; on_hand: number; sold: number }[]>`
    select i.sku, i.on_hand, coalesce(sum(r.quantity) filter (where r.state = 'consumed'), 0)::int as sold
    from public.inventory i left join public.stock_reservations r using (sku) group by i.sku`;
  return rows.filter(({ sku, on_hand, sold }) => on_hand + sold !== onHand[sku])
    .map(({ sku, on_hand, sold }) => `2: of ${onHand[sku]} units of ${sku}, ${sold} are sold and ${on_hand} are left`);
}

/** The decisions tell of every unit that went back, once. */
async function unexplainedReleases(sql: postgres.Sql): Promise<string[]> {
  const rows = await sql<{ id: string; told: number; released: number }[]>`
    with told as (select order_id, sum(units_released)::int as told from public.job_decisions group by 1),
    released as (select order_id, sum(quantity)::int as released from public.stock_reservations where state = 'released' group by 1)
    select coalesce(t.order_id, r.order_id) as id, coalesce(told, 0) as told, coalesce(released, 0) as released
    from told t full join released r using (order_id)
    where coalesce(told, 0) <> coalesce(released, 0)`;
  return rows.map(({ id, told, released }) =>
    `2: order ${id} released ${released} units and decisions tell of ${told}`
  );
}
