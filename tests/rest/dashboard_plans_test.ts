import assert from "node:assert/strict";
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import type postgres from "postgres";
import * as reads from "../../dashboard/js/reads.js";
import { withConnection } from "../../local/postgres/databases.ts";
import { haveBadWeek } from "../dashboard/bad-week.ts";
import { eventually, type Shop, withShop } from "../integration/support.ts";

type Size = { runs: number; decisions: number; orders: number };
type Cost = { scans: string[]; pages: number };

/** By hand also with more: LAPSE_PLAN_DECISIONS=10000000 and a run for every ten. */
const LARGE = Number(Deno.env.get("LAPSE_PLAN_DECISIONS") ?? 100_000);

Deno.test("each read of the dashboard uses an index, and reads no more over a large ledger than twice what it reads over a small one", async () => {
  const small = await costsOver({ runs: 400, decisions: 4_000, orders: 1_000 });
  const large = await costsOver({ runs: LARGE / 10, decisions: LARGE, orders: LARGE / 4 });
  const told = Object.entries(large).map(([name, { pages }]) => `${name} ${small[name]!.pages} → ${pages}`);
  if (Deno.env.has("LAPSE_PLAN_DECISIONS")) console.log(told.join("\n"));
  for (const [name, { scans, pages }] of Object.entries(large)) {
    assert.deepEqual(scans, [], `${name} reads a whole table`);
    // The indexes of a large ledger are a level or two deeper.
    assert.ok(pages <= Math.max(2 * small[name]!.pages, small[name]!.pages + 8), told.join(", "));
  }
});

/** Every read that the page makes. */
function readsOf(client: SupabaseClient, known: { run: string; ref: string; stripeId: string }) {
  const now = new Date();
  return {
    metrics: () => reads.readMetrics(client),
    schedules: () => reads.readSchedules(client),
    jobs: () => reads.readJobs(client),
    openAlerts: () => reads.readOpenAlerts(client),
    lastClosedAlert: () => reads.readLastClosedAlert(client),
    days: () => reads.readDays(client, now.toISOString().slice(0, 10)),
    runs: () => reads.readRuns(client),
    olderRuns: () => reads.readRuns(client, { before: new Date(now.getTime() - 86_400_000).toISOString() as never }),
    run: () => reads.readRun(client, known.run),
    decisionsOfRun: () => reads.readDecisionsOfRun(client, known.run),
    outcomesOfRun: () => reads.readDecisionsOfRun(client, known.run, "expired" as never),
    due: () => reads.readDue(client, now),
    waiting: () => reads.readWaiting(client, now),
    quarantined: () => reads.readQuarantined(client),
    order: () => reads.readOrder(client, known.ref),
    orders: () => reads.readOrders(client, [known.ref, "A-203371"]),
    payments: () => reads.readPayments(client, known.ref),
    refunds: () => reads.readRefunds(client),
    refundsOfOrder: () => reads.readRefundsOf(client, known.ref),
    timeline: () => reads.readTimeline(client, known.ref),
    findByRef: () => reads.findRefs(client, known.ref.slice(0, -1)),
    findByPayment: () => reads.findRefs(client, known.stripeId),
  };
}

/** Small whatever happens: a row for each job, each schedule, or each day. */
const SMALL = ["metrics", "metrics_daily", "jobs", "schedules"];

/** What each read costs a viewer, by the plans that the server logs: no query has to be written down a second time. */
async function costsOver(size: Size): Promise<Record<string, Cost>> {
  const costs: Record<string, Cost> = {};
  await withShop({ users: true, unchecked: true }, async (shop) => {
    await haveBadWeek(shop.sql);
    await withConnection(shop.stack.database.adminUrl, (admin) => fill(admin, size));
    const client = createClient(shop.stack.apiUrl, shop.stack.publishableKey, { auth: { persistSession: false } });
    const { error } = await client.auth.signInWithPassword(shop.stack.viewer!);
    if (error) throw error;
    await logPlans(shop);
    const [known] = await shop.sql<[{ run: string; ref: string; stripeId: string }]>`
      select d.run_id as run, d.ref, d.stripe_id as "stripeId" from lapse.decisions d
      where d.stripe_id is not null and d.ref like 'A-2033%' order by d.id desc limit 1`;
    for (const [name, read] of Object.entries(readsOf(client, known))) {
      const plans = await plansOf(shop, name, read);
      const scans = plans.flatMap((plan) =>
        [...plan.matchAll(/Seq Scan on (\w+)(?!.*never executed)/g)].map(([, table]) => table!)
      );
      const pages = plans.reduce((sum, plan) => sum + pagesOf(plan), 0);
      costs[name] = { scans: scans.filter((table) => !SMALL.includes(table)), pages };
    }
  });
  return costs;
}

/** The buffers of a plan's first node, which include those of all others. */
function pagesOf(plan: string): number {
  const [, hit = "0", read = "0"] = plan.match(/Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?/) ?? [];
  return Number(hit) + Number(read);
}

async function logPlans({ stack, sql }: Shop): Promise<void> {
  await withConnection(stack.database.adminUrl, async (admin) => {
    const settings = { log_min_duration: "0", log_analyze: "on", log_buffers: "on", log_timing: "off" };
    await admin`alter database ${admin(stack.database.name)} set session_preload_libraries = 'auto_explain'`;
    for (const [name, value] of Object.entries(settings)) {
      await admin.unsafe(`alter database "${stack.database.name}" set auto_explain.${name} = '${value}'`);
    }
    // The gateway has connections from before; it opens others.
    await admin`
      select pg_terminate_backend(a.pid) from pg_stat_activity a
      where a.datname = ${stack.database.name} and a.pid <> pg_backend_pid()`;
  });
  await eventually(() => sql`select`.then(() => true, () => false), "the database is reachable again");
}

/**
 * The plans of what the page's read made the database do. The gateway's other queries are left out: it checks the session with each request
 * and reads the catalogue with each new connection, which reads made at the same time may need.
 */
async function plansOf({ sql, serverLog }: Shop, name: string, read: () => unknown): Promise<string[]> {
  // The first read after the connections were cut may fail.
  await Promise.resolve(read()).catch(() => {});
  await read();
  const mark = async (text: string) => {
    await sql.unsafe(`do $$ begin raise log '${text}'; end $$`);
    await eventually(() => serverLog().some((line) => line.includes(`LOG:  ${text}`)), `the server has logged ${text}`);
  };
  await mark(`${name} begins`);
  await read();
  await mark(`${name} ends`);
  const log = serverLog();
  const lines = log.slice(
    log.findLastIndex((line) => line.includes(`${name} begins`)),
    log.findLastIndex((line) => line.includes(`${name} ends`)),
  );
  const plans = lines.join("\n").split("Query Text:").slice(1).filter((plan) => /\blapse_\w+/.test(plan));
  assert.ok(plans.length > 0, `${name}: the server logged no plan in ${lines.length} lines`);
  return plans;
}

/** What a shop has that was busy for long: nothing of it is due, and the page shows none of it. */
async function fill(sql: postgres.Sql, { runs, decisions, orders }: Size): Promise<void> {
  // Past the triggers, so that ten million take minutes.
  await sql`set session_replication_role = replica`;
  await sql`
    insert into lapse.runs (id, job, status, trigger, created_at, started_at, finished_at, duration_ms)
    select md5('old' || n)::uuid, (array['expire-stale-orders', 'cleanup-stale-payment-intents'])[1 + (n % 9 = 0)::int], 'succeeded', 'schedule',
      t.at, t.at, t.at, 900
    from generate_series(1, ${runs}::int) n cross join lateral (select now() - interval '8 days' - n * interval '1 minute' as at) t`;
  await sql`
    insert into lapse.orders (ref, status, reason, amount, currency, placed_at, deadline, looks, payments, closed_at)
    select 'B-' || n, 'expired', 'all_dead', 100, 'eur', now() - interval '20 days', now() - interval '20 days', 1, 1, now() - interval '19 days'
    from generate_series(1, ${orders}::int) n`;
  await sql`
    insert into lapse.payments (stripe_id, ref, state, reason, evidence, closed_at)
    select 'pi_old' || n, 'B-' || n, 'dead', 'ended_by_run', '{}', now() from generate_series(1, ${orders}::int) n`;
  await sql`
    insert into lapse.decisions (run_id, job, subject, ref, outcome, reason, decided_at)
    select md5('old' || 1 + n % ${runs}::int)::uuid, 'expire-stale-orders', 'order', 'B-' || 1 + n % ${orders}::int, 'expired', 'all_dead',
      now() - interval '19 days'
    from generate_series(1, ${decisions}::int) n`;
  await sql`
    insert into lapse.alerts (
      key, code, severity, message, object, command, advice, runbook, since, first_seen_at, last_seen_at, resolved_at
    )
    select 'late_payment:' || n, 'L014', 'critical', 'old', 'order ' || n, 'lapse alerts', 'Nothing', 'docs/payments-ops.md', t, t, t, t
    from generate_series(1, ${runs}::int) n, (select now() - interval '20 days' as t) x`;
  await sql`
    insert into lapse.refunds (stripe_id, ref, reason, status, amount, currency, created_at, ended_at)
    select 'pi_old' || n, 'B-' || n, 'order_expired', 'succeeded', 100, 'eur', t, t
    from generate_series(1, ${runs}::int) n, (select now() - interval '20 days' as t) x`;
  await sql`vacuum analyze lapse.runs, lapse.orders, lapse.payments, lapse.decisions, lapse.alerts, lapse.refunds`;
}
