import assert from "node:assert/strict";
import type postgres from "postgres";
import { report } from "../faults/support/length.ts";
import type { Shop } from "./shop.ts";

/** What still differs from a run without faults: open alerts, refunds that did not succeed, undecided orders. */
export async function leftOver(sql: postgres.Sql): Promise<string[]> {
  const alerts = await sql<{ line: string }[]>`
    select concat_ws(' ', key, message, cause) as line from lapse.alerts where resolved_at is null order by 1`;
  const refunds = await sql<{ line: string }[]>`
    select concat_ws(' ', ref, status, error) as line from lapse.refunds where status <> 'succeeded' order by 1`;
  const orders = await sql<{ line: string }[]>`
    select concat_ws(' ', ref, status, reason) as line from lapse.orders where status not in ('expired', 'paid') order by 1`;
  return [
    ...alerts.map(({ line }) => `8: an alert is open: ${line}`),
    ...refunds.map(({ line }) => `1: a refund did not succeed: ${line}`),
    ...orders.map(({ line }) => `6: an order is open: ${line}`),
  ];
}

export async function tellOf(sql: postgres.Sql, { orders }: Shop): Promise<void> {
  const journeys: Record<string, number> = {};
  for (const { journey } of orders) journeys[journey] = (journeys[journey] ?? 0) + 1;
  report(`customers: ${JSON.stringify(journeys)}`);
  const counts = (rows: { key: string; n: number }[]) => rows.map(({ key, n }) => `${n} ${key}`).join(", ");
  report(`orders: ${
    counts(
      await sql`select status || ':' || reason as key, count(*)::int as n from lapse.orders group by 1 order by 2 desc`,
    )
  }`);
  report(
    `runs: ${counts(await sql`select status as key, count(*)::int as n from lapse.runs group by 1 order by 2 desc`)}`,
  );
  report(`decisions: ${
    counts(
      await sql`select outcome || ':' || reason as key, count(*)::int as n from lapse.decisions group by 1 order by 2 desc`,
    )
  }`);
  report(
    `refunds: ${
      counts(await sql`select reason || ':' || status as key, count(*)::int as n from lapse.refunds group by 1`)
    }`,
  );
  report(
    `alerts: ${
      counts(
        await sql`select split_part(key, ':', 1) as key, count(*)::int as n from lapse.alerts group by 1 order by 2 desc`,
      )
    }`,
  );
}

/** A chaos in which no fault struck proves nothing. */
export async function assertMet(sql: postgres.Sql, seed: number): Promise<void> {
  const [met] = await sql<Record<string, number>[]>`
    select (select count(*)::int from lapse.runs where status in ('lost', 'failed')) as struck,
      (select count(*)::int from lapse.orders where status = 'expired') as expired,
      (select count(*)::int from lapse.orders where status = 'paid' and reason <> 'reported_by_shop') as paid,
      (select count(*)::int from lapse.orders where reason = 'revived') as revived,
      (select count(*)::int from lapse.refunds) as refunded`;
  for (const [what, n] of Object.entries(met!)) assert.ok(n > 0, `with seed ${seed} the chaos met none of: ${what}`);
}
