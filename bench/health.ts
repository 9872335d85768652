import postgres from "postgres";
import type { Databases } from "../local/platform/databases.ts";
import type { Bench, Size } from "./support/bench.ts";
import { type Figure, figureOf, median } from "./support/figure.ts";

const SIZES = {
  toy: { runs: 500, decisions: 2_000, asks: 3 },
  quick: { runs: 200_000, decisions: 1_000_000, asks: 60 },
  full: { runs: 1_000_000, decisions: 10_000_000, asks: 200 },
};
/** Asks are compared in groups: one takes about a millisecond and varies with the machine. */
const GROUPS = 3;

/** What `lapse-health` asks the database, with years of runs and decisions in it and without. */
export const health: Bench = {
  name: "health",
  async run(size: Size, databases: Databases): Promise<Figure[]> {
    const { runs, decisions, asks } = SIZES[size];
    await using empty = await open(databases);
    await using full = await open(databases);
    await full.sql`
      insert into lapse.runs (job, trigger, status, created_at, started_at, finished_at, duration_ms)
      select case when n % 2000 = 0 then 'cleanup-stale-payment-intents' else 'expire-stale-orders' end, 'schedule',
        case when n % 50 = 0 then 'failed' else 'succeeded' end,
        t.at, t.at, t.at + interval '1 second', 1000
      from generate_series(1, ${runs}::int) n
      cross join lateral (select now() - n * interval '5 minutes' as at) t`;
    await full.sql`
      insert into lapse.decisions (run_id, job, subject, ref, outcome, reason, decided_at)
      select gen_random_uuid(), 'expire-stale-orders', 'order', gen_random_uuid()::text, 'expired', 'no_payment',
        now() - n * interval '30 seconds'
      from generate_series(1, ${decisions}::int) n`;
    for (const { sql } of [empty, full]) {
      await sql`vacuum analyze`;
      await askMs(sql);
    }
    const times = { empty: [] as number[], full: [] as number[] };
    for (let n = 0; n < asks; n++) {
      times.empty.push(await askMs(empty.sql));
      times.full.push(await askMs(full.sql));
    }
    const ratios = Array.from({ length: Math.min(GROUPS, asks) }, (_, group) => {
      const part = (all: number[]) => median(all.filter((_, n) => n % GROUPS === group));
      return part(times.full) / part(times.empty);
    });
    return [
      figureOf("health", "full database over empty one", {
        unit: "ratio",
        samples: ratios,
        size: `${runs} runs and ${decisions} decisions`,
        goal: { atMost: 2 },
        behind: { emptyMs: median(times.empty), fullMs: median(times.full) },
      }),
    ];
  },
};

async function open(databases: Databases) {
  const database = await databases.fresh();
  const sql = postgres(database.url, { max: 1, onnotice: () => {} });
  return {
    sql,
    async [Symbol.asyncDispose]() {
      await sql.end({ timeout: 1 });
      await database[Symbol.asyncDispose]();
    },
  };
}

async function askMs(sql: postgres.Sql): Promise<number> {
  const started = performance.now();
  await sql`select lapse.health()`;
  return performance.now() - started;
}
