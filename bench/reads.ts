import postgres from "postgres";
import type { Databases } from "../local/platform/databases.ts";
import type { Bench, Size } from "./support/bench.ts";
import { type Figure, figureOf } from "./support/figure.ts";

const SIZES = { toy: 2_000, quick: 200_000, full: 10_000_000 };
/** Decisions of one run, and runs of one clean-up: the proportions of a shop that expires some orders with each tick. */
const PER_RUN = 20;

/** Reads that repeat while nothing happens. The dashboard's own queries: tests/rest/dashboard_plans_test.ts. */
const READS = {
  "the watch": "call lapse.watch()",
  "lapse-health": "select lapse.health()",
  "lapse-metrics": "select lapse.read_metrics()",
};

/** Buffers that watch, health and metrics read, with years of closed orders, decisions and runs, and with none. */
export const reads: Bench = {
  name: "reads",
  async run(size: Size, databases: Databases): Promise<Figure[]> {
    const rows = SIZES[size];
    await using empty = await open(databases);
    await using full = await open(databases);
    await fill(full.sql, rows);
    await empty.sql`vacuum analyze`;
    const figures: Figure[] = [];
    for (const [name, statement] of Object.entries(READS)) {
      const pages = { empty: await pagesOf(empty, statement), full: await pagesOf(full, statement) };
      figures.push(figureOf("reads", `buffers of ${name}, full database over empty one`, {
        unit: "ratio",
        samples: [pages.full / pages.empty],
        size: `${rows} decisions and closed orders with a payment each, ${rows / PER_RUN} runs`,
        goal: { atMost: 2 },
        behind: { emptyBuffers: pages.empty, fullBuffers: pages.full },
      }));
    }
    return figures;
  },
};

type Opened = { sql: postgres.Sql; buffers(): Promise<number> } & AsyncDisposable;

async function open(databases: Databases): Promise<Opened> {
  const database = await databases.fresh();
  const sql = postgres(database.adminUrl, { max: 1, onnotice: () => {} });
  // Asked from another database, so that the question does not count itself.
  const asking = postgres(databases.server.url, { max: 1, onnotice: () => {} });
  // A vacuum of its own would count as well.
  for (const table of ["runs", "decisions", "orders", "payments", "inbox", "alerts"]) {
    await sql.unsafe(`alter table lapse.${table} set (autovacuum_enabled = off)`);
  }
  return {
    sql,
    async buffers() {
      // PostgreSQL publishes a session's statistics only once none are pending.
      await sql`select pg_stat_force_next_flush()`;
      const [row] = await asking`
        select (blks_hit + blks_read)::float8 as n from pg_stat_database where datname = ${database.name}`;
      return row!.n;
    },
    async [Symbol.asyncDispose]() {
      await sql.end({ timeout: 1 });
      await asking.end({ timeout: 1 });
      await database[Symbol.asyncDispose]();
    },
  };
}

/** The third time, because the first ones read the catalogue and the changes since the last watch. */
async function pagesOf({ sql, buffers }: Opened, statement: string): Promise<number> {
  for (let n = 0; n < 2; n++) await sql.unsafe(statement);
  const before = await buffers();
  await sql.unsafe(statement);
  return await buffers() - before;
}

async function fill(sql: postgres.Sql, rows: number): Promise<void> {
  await sql`set session_replication_role = replica`;
  await sql`
    insert into lapse.runs (id, job, trigger, status, created_at, started_at, finished_at, duration_ms, orders_expired)
    select md5('run' || n)::uuid, case when n % 2000 = 0 then 'cleanup-stale-payment-intents' else 'expire-stale-orders' end,
      'schedule', 'succeeded', t.at, t.at, t.at + interval '1 second', 1000, ${PER_RUN}
    from generate_series(1, ${rows / PER_RUN}::int) n
    cross join lateral (select now() - interval '1 hour' - n * interval '5 minutes' as at) t`;
  await sql`
    insert into lapse.decisions (run_id, job, subject, ref, outcome, reason, decided_at)
    select md5('run' || 1 + n / ${PER_RUN})::uuid, 'expire-stale-orders', 'order', 'A-' || n, 'expired', 'all_dead',
      now() - interval '1 hour' - n * interval '15 seconds'
    from generate_series(0, ${rows}::int - 1) n`;
  await sql`
    insert into lapse.orders (ref, status, reason, amount, currency, placed_at, deadline, looks, payments, closed_at)
    select 'A-' || n, 'expired', 'all_dead', 2000, 'eur', t.at - interval '1 hour', t.at, 1, 1, t.at
    from generate_series(0, ${rows}::int - 1) n
    cross join lateral (select now() - interval '1 hour' - n * interval '15 seconds' as at) t`;
  await sql`
    insert into lapse.payments (stripe_id, ref, state, reason, evidence, attached_at, closed_at)
    select 'pi_' || n, 'A-' || n, 'dead', 'ended_by_run', '{}', t.at, t.at
    from generate_series(0, ${rows}::int - 1) n
    cross join lateral (select now() - interval '1 hour' - n * interval '15 seconds' as at) t`;
  await sql`set session_replication_role = origin`;
  await sql`vacuum analyze`;
}
