import postgres from "postgres";
import type { Databases } from "../local/platform/databases.ts";
import type { Bench, Size } from "./support/bench.ts";
import { type Figure, figureOf } from "./support/figure.ts";

/** A tenth of a year at 50,000 orders a day and of a day at a million, and less for a quick look. */
const SIZES = {
  toy: { days: 10, perDay: 100, day: 500 },
  quick: { days: 40, perDay: 5_000, day: 50_000 },
  full: { days: 365, perDay: 5_000, day: 100_000 },
};
/** One order in five is not paid and leaves two decisions, about itself and its payment. No run ever sees the others. */
const EXPIRED_IN = 5;
const TABLES = ["orders", "payments", "decisions"] as const;
/** pg_cron calls the retention every ten minutes, and each call works for a minute at most. */
const SECONDS_A_DAY = 24 * 6 * 60;

/** The ledger's size after busy months, and whether the retention removes a day's rows within a day. */
export const growth: Bench = {
  name: "growth",
  async run(size: Size, databases: Databases): Promise<Figure[]> {
    const { days, perDay, day } = SIZES[size];
    const bytes = await inFresh(databases, async (sql) => {
      await place(sql, { prefix: "kept", orders: days * perDay, youngest: "1 hour", perDay });
      return await bytesPerOrder(sql, days * perDay);
    });
    const { rows, seconds } = await inFresh(databases, async (sql) => {
      await place(sql, { prefix: "old", orders: day, youngest: "500 days", perDay: day });
      return await retain(sql);
    });
    const all = Object.values(bytes).reduce((sum, n) => sum + n, 0);
    return [
      figureOf("growth", "bytes of an order, its payment, their decisions and all indexes", {
        unit: "bytes",
        samples: [all],
        size: `${days} days of ${perDay} orders, of which one in ${EXPIRED_IN} expires`,
        behind: { ...bytes, "gigabytes of a year at 50,000 orders a day": all * 50_000 * 365 / 1e9 },
      }),
      figureOf("growth", "share of its time that the retention needs for a day's rows", {
        unit: "%",
        samples: [seconds / SECONDS_A_DAY * 100],
        size: `a day of ${day} orders`,
        // On paper a day of ten times the rows takes ten times as long.
        goal: { atMost: 10 },
        behind: { rows, seconds, "orders a day that it can keep up with": day / seconds * SECONDS_A_DAY },
      }),
    ];
  },
};

async function inFresh<T>(databases: Databases, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  await using database = await databases.fresh();
  const sql = postgres(database.adminUrl, { max: 1, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function retain(sql: postgres.Sql): Promise<{ rows: number; seconds: number }> {
  const rows = await rowsOf(sql, "old");
  const started = performance.now();
  await sql`call lapse.retain(now(), interval '1 hour')`;
  const seconds = (performance.now() - started) / 1_000;
  const left = await rowsOf(sql, "old");
  if (left > 0) throw new Error(`Cannot measure: the retention left ${left} of ${rows} rows`);
  return { rows, seconds };
}

type Past = { prefix: string; orders: number; youngest: string; perDay: number };

/** Closed orders with a payment each, as runs and webhooks leave them, evenly over the days. */
async function place(sql: postgres.Sql, { prefix, orders, youngest, perDay }: Past): Promise<void> {
  const evidence = {
    id: "pi_3PqLmN2eZvKYlo2C1aBcDeFg",
    status: "succeeded",
    amount: 2000,
    amount_received: 2000,
    request_id: "req_8KfJq2LmNoPqRs",
  };
  await sql`set session_replication_role = replica`;
  await sql`create temp table past as
    select ${prefix} || '-' || gen_random_uuid() as ref, n % ${EXPIRED_IN} = 0 as expires,
      now() - ${youngest}::interval - n * (interval '1 day' / ${perDay}) as at
    from generate_series(1, ${orders}::int) n`;
  await sql`
    insert into lapse.orders (ref, status, reason, amount, currency, method, channel, placed_at, deadline, looks, payments, closed_at)
    select ref, case when expires then 'expired' else 'paid' end, case when expires then 'all_dead' else 'paid' end, 2000, 'eur',
      'card', 'web', at - interval '1 hour', at, expires::int, 1, at
    from past`;
  await sql`
    insert into lapse.payments (stripe_id, ref, state, reason, evidence, attached_at, checked_at, closed_at)
    select 'pi_3' || left(replace(right(ref, 36), '-', ''), 23), ref, case when expires then 'dead' else 'paid' end,
      case when expires then 'ended_by_run' else 'paid' end, ${sql.json(evidence)}, at - interval '1 hour', at, at
    from past`;
  await sql`
    insert into lapse.decisions (run_id, job, subject, ref, stripe_id, outcome, reason, units_released, evidence, decided_at)
    select md5(date_trunc('hour', at)::text)::uuid, 'expire-stale-orders', d.subject, ref,
      case when d.subject <> 'order' then 'pi_3' || left(replace(right(ref, 36), '-', ''), 23) end, d.outcome, d.reason,
      d.units, d.evidence, at
    from past
    cross join lateral (values
      ('order', 'expired', 'all_dead', 1, null::jsonb), ('payment_intent', 'canceled', 'ended_by_run', 0, ${
    sql.json(evidence)
  }::jsonb)
    ) d (subject, outcome, reason, units, evidence)
    where expires`;
  await sql`drop table past`;
  await sql`set session_replication_role = origin`;
  await sql`vacuum analyze lapse.orders, lapse.payments, lapse.decisions`;
}

async function bytesPerOrder(sql: postgres.Sql, orders: number): Promise<Record<string, number>> {
  const sizes: Record<string, number> = {};
  for (const table of TABLES) {
    const [row] = await sql`select pg_total_relation_size(${`lapse.${table}`}::regclass)::float8 as bytes`;
    sizes[`bytes in ${table}`] = row!.bytes / orders;
  }
  return sizes;
}

async function rowsOf(sql: postgres.Sql, prefix: string): Promise<number> {
  let rows = 0;
  for (const table of TABLES) {
    const [row] = await sql`
      select count(*)::int as n from ${sql(`lapse.${table}`)} where ref like ${`${prefix}-%`}`;
    rows += row!.n;
  }
  return rows;
}
