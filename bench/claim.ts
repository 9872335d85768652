import postgres from "postgres";
import type { Databases } from "../local/platform/databases.ts";
import type { Bench, Size } from "./support/bench.ts";
import { type Figure, figureOf, median } from "./support/figure.ts";

const SIZES = {
  toy: { tables: [1_000, 3_000], claims: 3, dead: 2_000 },
  quick: { tables: [10_000, 1_000_000], claims: 21, dead: 200_000 },
  full: { tables: [10_000, 1_000_000, 10_000_000], claims: 41, dead: 200_000 },
};
/** Orders per claim. */
const BATCH = 200;
/** Orders that close while a report is open. */
const REPORTED = 20_000;
/** Claims are compared in groups, by their medians: a single one takes milliseconds and varies with the machine. */
const GROUPS = 3;

/** Claiming due orders from ledgers of different sizes, and from one whose closed orders nobody has vacuumed. */
export const claim: Bench = {
  name: "claim",
  async run(size: Size, databases: Databases): Promise<Figure[]> {
    const { tables, claims, dead } = SIZES[size];
    const opened: Ledger[] = [];
    try {
      for (const rows of tables) opened.push(await openLedger(databases, { rows, due: (claims + 9) * BATCH }));
      for (const table of opened) await claimMs(table);
      const times = opened.map((): number[] => []);
      for (let n = 0; n < claims; n++) {
        for (const [index, table] of opened.entries()) times[index]!.push(await claimMs(table));
      }
      const groups = Array.from({ length: Math.min(GROUPS, claims) }, (_, group) => {
        const part = times.map((all) => median(all.filter((_, n) => n % GROUPS === group)));
        return part.at(-1)! / part[0]!;
      });
      const clean = await buffersOfClaim(opened.at(-1)!);
      await leaveDeadRows(opened.at(-1)!, dead);
      const behindDead = await buffersOfClaim(opened.at(-1)!);
      const besideReport = await buffersBesideReport(opened[0]!);
      return [
        figureOf("claim", "largest ledger over smallest", {
          unit: "ratio",
          samples: groups,
          size: `claims of ${BATCH} from ledgers of ${tables.join(", ")} orders`,
          goal: { atMost: 1.3 },
          behind: Object.fromEntries(tables.map((rows, n) => [`medianMs of ${rows}`, median(times[n]!)])),
        }),
        figureOf("claim", "buffers behind closed, unvacuumed orders, over those without", {
          unit: "ratio",
          samples: [behindDead / clean],
          size: `${dead} orders closed since the last vacuum`,
          goal: { atMost: 2 },
          behind: { buffersBehindDeadRows: behindDead, buffersWithout: clean },
        }),
        figureOf("claim", "buffers beside an open report, over those without", {
          unit: "ratio",
          samples: [besideReport.during / besideReport.before],
          size: `${REPORTED} orders closed since the report began; it sees them all, so no vacuum can remove them`,
          behind: besideReport,
        }),
      ];
    } finally {
      for (const table of opened) await table[Symbol.asyncDispose]();
    }
  },
};

type Ledger = { sql: postgres.Sql; url: string; runId: string; fence: number } & AsyncDisposable;

/** A shop some years old: nearly all orders are closed, a few wait for their deadline, `due` ones are due. Each has one payment. */
async function openLedger(databases: Databases, { rows, due }: { rows: number; due: number }): Promise<Ledger> {
  const database = await databases.fresh();
  const sql = postgres(database.adminUrl, { max: 1, onnotice: () => {} });
  // Autovacuum would clean up at a moment of its own choosing.
  await sql`alter table lapse.orders set (autovacuum_enabled = off)`;
  await sql`set session_replication_role = replica`;
  await sql`
    insert into lapse.orders (ref, status, currency, amount, placed_at, deadline, next_check_at, due_since, closed_at, payments)
    select 'closed-' || n, s.status, 'eur', 2000, now() - n * interval '1 second', now() - n * interval '1 second' + interval '30 minutes',
      case when s.status = 'pending' then now() + n * interval '1 millisecond' + interval '1 hour' end,
      case when s.status = 'pending' then now() + n * interval '1 millisecond' + interval '1 hour' end,
      case when s.status = 'paid' then now() end, 1
    from generate_series(1, ${rows - due}::int) n
    cross join lateral (select case when n % 20 = 0 then 'pending' else 'paid' end as status) s`;
  await insertDue(sql, { prefix: "due-", count: due, minutes: 60 });
  await sql`
    insert into lapse.payments (stripe_id, ref, state, evidence, closed_at)
    select 'pi_' || replace(o.ref, '-', ''), o.ref, p.state, case when p.state = 'paid' then '{}'::jsonb end,
      case when p.state = 'paid' then now() end
    from lapse.orders o
    cross join lateral (select case when o.status = 'paid' then 'paid' else 'open' end as state) p`;
  await sql`
    insert into lapse.list_cursors (account, livemode, list, read_from, read_to)
    select '', false, l, now() - interval '90 days', now() + interval '1 hour'
    from unnest(array['payment_intents', 'checkout_sessions']) l
    on conflict (account, livemode, list) do update set read_to = excluded.read_to`;
  await sql`set session_replication_role = origin`;
  await sql`vacuum analyze lapse.orders, lapse.payments`;
  const runId = crypto.randomUUID();
  const [begun] = await sql`
    select lapse.begin_run(p_run_id => ${runId}, p_job => 'expire-stale-orders', p_trigger => 'server', p_requested_by => 'bench',
      p_reason => 'bench', p_dry_run => false, p_limit => null, p_release_brake => true) as answer`;
  if (begun!.answer.answer !== "running") throw new Error(`Cannot begin a run: ${JSON.stringify(begun!.answer)}`);
  return {
    sql,
    url: database.adminUrl,
    runId,
    fence: begun!.answer.run.fence,
    async [Symbol.asyncDispose]() {
      await sql.end({ timeout: 1 });
      await database[Symbol.asyncDispose]();
    },
  };
}

async function insertDue(
  sql: postgres.Sql,
  { prefix, count, minutes }: { prefix: string; count: number; minutes: number },
): Promise<void> {
  await sql`
    insert into lapse.orders (ref, currency, amount, placed_at, deadline, next_check_at, due_since, payments)
    select ${prefix} || n, 'eur', 2000, now() - interval '3 hours', now() - interval '2 hours', d.due_at, d.due_at, 1
    from generate_series(1, ${count}::int) n
    cross join lateral (select now() - make_interval(mins => ${minutes}) + n * interval '1 millisecond' as due_at) d`;
}

/** The state after a busy hour: orders at the head of the index were closed and not yet vacuumed. */
async function leaveDeadRows({ sql }: Ledger, count: number): Promise<void> {
  await sql`set session_replication_role = replica`;
  await insertDue(sql, { prefix: "dead-", count, minutes: 120 });
  await sql`
    update lapse.orders set status = 'paid', next_check_at = null, closed_at = now() where ref like 'dead-%'`;
  await sql`set session_replication_role = origin`;
}

/** An earlier transaction. Orders that close while it runs stay in the index, because it may still read them. */
async function buffersBesideReport(ledger: Ledger): Promise<{ before: number; during: number }> {
  const before = await buffersOfClaim(ledger);
  const report = postgres(ledger.url, { max: 1, onnotice: () => {} });
  try {
    return await report.begin("isolation level repeatable read", async (sql) => {
      await sql`select count(*) from lapse.orders where status = 'pending'`;
      await leaveDeadRows(ledger, REPORTED);
      return { before, during: await buffersOfClaim(ledger) };
    });
  } finally {
    await report.end({ timeout: 1 });
  }
}

async function claimMs({ sql, runId, fence }: Ledger): Promise<number> {
  const started = performance.now();
  const [row] = await sql`
    select jsonb_array_length(lapse.claim_orders(${runId}::uuid, ${fence}::bigint, ${BATCH}::int)) as claimed`;
  const elapsed = performance.now() - started;
  if (row?.claimed !== BATCH) throw new Error(`Cannot measure a claim of ${BATCH}: it got ${row?.claimed}`);
  return elapsed;
}

/** The second of two claims in a row. The first one marks the index entries of dead rows, as in any running shop. */
async function buffersOfClaim(ledger: Ledger): Promise<number> {
  await claimMs(ledger);
  const { sql, runId, fence } = ledger;
  const [row] = await sql.unsafe(
    `explain (analyze, buffers, format json) select lapse.claim_orders('${runId}', ${fence}, ${BATCH})`,
  );
  const plan = (row!["QUERY PLAN"] as { Plan: Record<string, number> }[])[0]!.Plan;
  return plan["Shared Hit Blocks"]! + plan["Shared Read Blocks"]!;
}
