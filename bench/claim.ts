import postgres from "postgres";
import type { Databases } from "../local/platform/databases.ts";
import type { Bench, Size } from "./support/bench.ts";
import { type Figure, figureOf, median } from "./support/figure.ts";

const SIZES = {
  toy: { tables: [1_000, 3_000], claims: 3 },
  quick: { tables: [10_000, 1_000_000], claims: 21 },
  full: { tables: [10_000, 1_000_000, 10_000_000], claims: 41 },
};
/** Orders per claim: the goal's number, twice the job's own batch. */
const BATCH = 200;
/** Claims are compared in groups, by their medians: a single one takes milliseconds and varies with the machine. */
const GROUPS = 3;

/** Claiming due orders from tables of different sizes: the index makes the size no matter. */
export const claim: Bench = {
  name: "claim",
  async run(size: Size, databases: Databases): Promise<Figure[]> {
    const { tables, claims } = SIZES[size];
    const opened: Table[] = [];
    try {
      for (const rows of tables) opened.push(await openTable(databases, { rows, due: (claims + 1) * BATCH }));
      // All of them once ahead: the plan of the largest is what the first claim there shows.
      for (const table of opened.slice(0, -1)) await claimMs(table);
      const plan = await planOf(opened.at(-1)!);
      const times = opened.map((): number[] => []);
      for (let n = 0; n < claims; n++) {
        for (const [index, table] of opened.entries()) times[index]!.push(await claimMs(table));
      }
      const groups = Array.from({ length: Math.min(GROUPS, claims) }, (_, group) => {
        const part = times.map((all) => median(all.filter((_, n) => n % GROUPS === group)));
        return part.at(-1)! / part[0]!;
      });
      return [
        figureOf("claim", "largest table over smallest", {
          unit: "ratio",
          samples: groups,
          size: `claims of ${BATCH} from tables of ${tables.join(", ")} orders`,
          goal: { atMost: 1.3 },
          behind: Object.fromEntries(tables.map((rows, n) => [`medianMs of ${rows}`, median(times[n]!)])),
        }),
        figureOf("claim", "sorts in the plan, index scans besides the one", {
          unit: "nodes",
          samples: [plan.surplus],
          size: `${tables.at(-1)} orders`,
          goal: { atMost: 0 },
          behind: { plan: plan.nodes.join(" < ") },
        }),
      ];
    } finally {
      for (const table of opened) await table[Symbol.asyncDispose]();
    }
  },
};

type Table = { sql: postgres.Sql; runId: string; fence: number } & AsyncDisposable;

/** A shop some years old: nearly all orders are closed, a few wait for their deadline, `due` ones are due. Each has one payment. */
async function openTable(databases: Databases, { rows, due }: { rows: number; due: number }): Promise<Table> {
  const database = await databases.fresh();
  const sql = postgres(database.adminUrl, { max: 1, onnotice: (notice) => void notices.push(notice.message ?? "") });
  await sql`
    insert into public.orders (status, currency, amount, created_at, expires_at, next_check_at, paid_at, payment_count)
    select s.status, 'eur', 2000, now() - n * interval '1 second', now() - n * interval '1 second' + interval '30 minutes',
      case when s.status = 'pending' then now() + n * interval '1 millisecond' end,
      case when s.status = 'paid' then now() end, 1
    from generate_series(1, ${rows - due}::int) n
    cross join lateral (select case when n % 20 = 0 then 'pending' else 'paid' end as status) s`;
  await sql`
    insert into public.orders (currency, amount, created_at, expires_at, next_check_at, payment_count)
    select 'eur', 2000, now() - interval '2 hours', now() - interval '1 hour',
      now() - interval '1 hour' + n * interval '1 millisecond', 1
    from generate_series(1, ${due}::int) n`;
  // Without the triggers that count payments one by one, and without looking up each order again.
  await sql`set session_replication_role = replica`;
  await sql`
    insert into public.order_payments (order_id, kind, stripe_id, state, evidence, closed_at)
    select id, 'payment_intent', 'pi_' || replace(id::text, '-', ''), p.state,
      case when p.state = 'paid' then '{}'::jsonb end, case when p.state = 'paid' then now() end
    from public.orders
    cross join lateral (select case when status = 'paid' then 'paid' else 'open' end as state) p`;
  await sql`set session_replication_role = origin`;
  await sql`vacuum analyze public.orders, public.order_payments`;
  const runId = crypto.randomUUID();
  const [begun] = await sql`
    select public.jobs_begin_run(p_run_id => ${runId}, p_job => 'expire-stale-orders', p_trigger => 'server',
      p_reason => 'bench', p_release_brake => true) as answer`;
  return {
    sql,
    runId,
    fence: begun!.answer.run.fence,
    async [Symbol.asyncDispose]() {
      await sql.end({ timeout: 1 });
      await database[Symbol.asyncDispose]();
    },
  };
}

async function claimMs({ sql, runId, fence }: Table): Promise<number> {
  const started = performance.now();
  const [row] = await sql`
    select jsonb_array_length(public.jobs_claim_orders(${runId}::uuid, ${fence}::bigint, ${BATCH}::int)) as claimed`;
  const elapsed = performance.now() - started;
  if (row?.claimed !== BATCH) throw new Error(`Cannot measure a claim of ${BATCH}: it got ${row?.claimed}`);
  return elapsed;
}

const notices: string[] = [];

/** The plan that the function itself uses, as auto_explain saw it; a plan of a copied query would prove nothing. */
async function planOf(table: Table): Promise<{ nodes: string[]; surplus: number }> {
  const { sql } = table;
  await sql`load 'auto_explain'`;
  await sql.unsafe(`
    set auto_explain.log_min_duration = 0; set auto_explain.log_nested_statements = on; set client_min_messages = log`);
  await claimMs(table);
  await sql.unsafe("set auto_explain.log_min_duration = -1; set client_min_messages = notice");
  const plan = notices.find((text) => text.includes("for update skip locked"))?.split("Query Text")[1] ?? "";
  const due = plan.slice(plan.indexOf("CTE due"), plan.indexOf("CTE claimed"));
  const nodes = [...due.matchAll(/->\s+([A-Z][\w ]+?(?: using \w+)?)(?: on [\w ]+)?\s+\(cost/g)].map(([, node]) =>
    node!
  );
  if (!nodes.some((node) => node === "Index Scan using orders_due_idx")) nodes.push("(no scan of orders_due_idx)");
  const known = ["Limit", "LockRows", "Index Scan using orders_due_idx"];
  return { nodes, surplus: nodes.filter((node) => !known.includes(node)).length };
}
