import assert from "node:assert/strict";
import { type Databases, startDatabases } from "../../../local/platform/databases.ts";
import { startStack } from "../../../local/stack/start.ts";
import { withConnection } from "../../../local/postgres/databases.ts";
import { withWatched } from "./watched-database.ts";

let databases: Databases;
Deno.test.beforeAll(async () => {
  databases = await startDatabases();
});
Deno.test.afterAll(() => databases.stop());

/** A line of Prometheus' text format (prometheus.io/docs/instrumenting/exposition_formats). */
const LINE =
  /^(# (HELP|TYPE) lapse_[a-z_]+ .+|lapse_[a-z_]+(\{[a-z_]+="[^"\n]*"(,[a-z_]+="[^"\n]*")*\})? -?[0-9.]+(e[+-]?\d+)?|)$/;

Deno.test("a scraper with the token reads what runs have counted and which alerts are open", async () => {
  await using stack = await startStack({ databases, users: false, workers: false });
  await withConnection(stack.database.url, async (sql) => {
    const [row] = await sql`
      select lapse.begin_run(gen_random_uuid(), 'expire-stale-orders', 'server', 'test') #>> '{run,id}' as id`;
    await sql`select lapse.finish_run(${row!.id}, 'succeeded')`;
    await sql`select lapse.raise_alert('late_payment:1', null, 'critical', 'x', '{}')`;
    await sql`select lapse.raise_alert('quarantined', null, 'warning', 'x', '{"count": 3}')`;
  });
  const url = `${stack.apiUrl}/functions/v1/lapse-metrics`;
  const response = await fetch(url, { headers: { authorization: `Bearer ${stack.metricsToken}` } });
  assert.equal(response.status, 200);
  const text = await response.text();
  for (const line of text.split("\n")) assert.match(line, LINE);
  for (
    const sample of [
      'lapse_runs_total{job="expire-stale-orders"} 1',
      'lapse_late_payments_total{job="expire-stale-orders"} 0',
      'lapse_job_brake_on{job="expire-stale-orders"} 0',
      "lapse_orders_quarantined 3",
      'lapse_alerts_open{severity="critical"} 1',
      'lapse_alert_open{code="L014",kind="late_payment",severity="critical"} 1',
    ]
  ) assert.ok(text.includes(`\n${sample}\n`), `${sample} is not in ${text}`);
  assert.match(text, /\nlapse_job_last_success_timestamp_seconds\{job="expire-stale-orders"\} \d{10}(\.\d+)?\n/);
  assert.doesNotMatch(text, /last_success_timestamp_seconds\{job="cleanup/, "a time that never was is no zero");

  const stranger = await fetch(url, { headers: { authorization: `Bearer ${stack.secretKey}` } });
  assert.equal(stranger.status, 401);
  await stranger.body?.cancel();
});

Deno.test("reading the metrics costs the same with many runs, orders and closed alerts as with none", async () => {
  await withWatched(databases, async ({ sql, run, at }) => {
    await run(0);
    const cost = async () => {
      await sql`select lapse.read_metrics(${at(1)})`;
      const [row] = await sql`explain (analyze, buffers, format json) select lapse.read_metrics(${at(1)})`;
      const { Plan } = (row!["QUERY PLAN"] as { Plan: Record<string, number> }[])[0]!;
      return Plan["Shared Hit Blocks"]! + Plan["Shared Read Blocks"]!;
    };
    const before = await cost();
    await sql`
      insert into lapse.runs (job, status, trigger, created_at, started_at, finished_at)
      select 'expire-stale-orders', 'succeeded', 'schedule', t, t, t
      from generate_series(${at(-60 * 24 * 60)}::timestamptz, ${at(0)}, interval '5 minutes') t`;
    await sql`
      insert into lapse.alerts (key, severity, message, object, command, advice, runbook, since, first_seen_at, last_seen_at, resolved_at)
      select 'late_payment:' || n, 'critical', 'x', 'x', 'x', 'x', 'x', now(), now(), now(), now() from generate_series(1, 5000) n`;
    await sql`
      insert into lapse.orders (ref, status, deadline, placed_at, next_check_at, due_since)
      select 'o' || n, 'pending', now(), now(), now(), now() from generate_series(1, 20000) n`;
    await sql`analyze`;
    const after = await cost();
    assert.ok(after <= 2 * before, `${before} blocks before, ${after} after`);
  });
});
