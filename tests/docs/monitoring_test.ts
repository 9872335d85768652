import assert from "node:assert/strict";
import { parser } from "@prometheus-io/lezer-promql";
import postgres from "postgres";
import { parse } from "yaml";
import { z } from "zod";
import { type Databases, startDatabases } from "../../local/platform/databases.ts";
import { readText } from "../rules/project-files.ts";
import { anchorsOf } from "./blocks.ts";

let databases: Databases;
Deno.test.beforeAll(async () => void (databases = await startDatabases()));
Deno.test.afterAll(() => databases.stop());

/** prometheus.io/docs/prometheus/latest/configuration/alerting_rules */
const duration = z.string().regex(/^\d+[smhd]$/);
const ruleFile = z.strictObject({
  groups: z.array(z.strictObject({
    name: z.string().min(1),
    rules: z.array(z.strictObject({
      alert: z.string().regex(/^[A-Z]\w+$/),
      expr: z.string().min(1),
      for: duration,
      labels: z.strictObject({ severity: z.enum(["critical", "warning"]) }),
      annotations: z.strictObject({ summary: z.string(), description: z.string(), runbook_url: z.string() }),
    })).min(1),
  })).min(1),
});

/** prometheus.io/docs/prometheus/latest/configuration/configuration/#scrape_config */
const scrapeFile = z.strictObject({
  scrape_configs: z.array(z.strictObject({
    job_name: z.string(),
    scrape_interval: duration,
    scheme: z.literal("https"),
    metrics_path: z.string().startsWith("/"),
    honor_labels: z.literal(true),
    authorization: z.strictObject({ type: z.literal("Bearer"), credentials_file: z.string() }),
    static_configs: z.array(z.strictObject({ targets: z.array(z.string()) })),
  })),
});

/** grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model */
const source = z.strictObject({ type: z.literal("prometheus"), uid: z.literal("${datasource}") });
const whole = z.int().nonnegative();
const dashboardFile = z.looseObject({
  uid: z.string(),
  title: z.string(),
  schemaVersion: whole,
  time: z.strictObject({ from: z.string(), to: z.string() }),
  templating: z.strictObject({
    list: z.array(z.looseObject({ name: z.literal("datasource"), type: z.literal("datasource"), query: z.string() })),
  }),
  panels: z.array(z.looseObject({
    id: whole,
    title: z.string().min(1),
    type: z.enum(["stat", "timeseries", "table"]),
    gridPos: z.strictObject({ x: whole.max(23), y: whole, w: whole.min(1).max(24), h: whole.min(1) }),
    datasource: source,
    fieldConfig: z.looseObject({ defaults: z.looseObject({ unit: z.enum(["short", "s"]) }) }),
    targets: z.array(z.looseObject({
      refId: z.string().regex(/^[A-Z]$/),
      expr: z.string(),
      legendFormat: z.string(),
      datasource: source,
    })).min(1),
  })),
});

const rules = ruleFile.parse(parse(await readText("monitoring/prometheus-alerts.yml"))).groups.flatMap((it) =>
  it.rules
);
const dashboard = dashboardFile.parse(JSON.parse(await readText("monitoring/grafana-dashboard.json")));

Deno.test("every expression of the rules and the dashboard is PromQL over metrics and labels that lapse-metrics has", async () => {
  const metrics = await readMetrics();
  const expressions = [
    ...rules.map(({ expr }) => expr),
    ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
  ];
  assert.ok(expressions.length > 15);
  for (const expression of expressions) {
    const { names, labels } = readPromql(expression);
    assert.ok(names.length > 0, expression);
    for (const name of names) assert.ok(metrics.has(name), `${name} of ${expression} does not exist`);
    const known = new Set(names.flatMap((name) => [...metrics.get(name)!]));
    for (const label of labels) assert.ok(known.has(label), `${label} of ${expression} does not exist`);
  }
});

Deno.test("an invalid expression is detected", () => {
  assert.throws(() => readPromql("sum(increase(lapse_runs_total[1h])"), /no PromQL/);
  assert.throws(() => readPromql("lapse_runs_total >"), /no PromQL/);
});

Deno.test("every rule links to an entry of the runbook and has a unique name", async () => {
  const anchors = anchorsOf(await readText("docs/payments-ops.md"));
  for (const { alert, annotations } of rules) {
    const [path, anchor] = annotations.runbook_url.split("#");
    assert.equal(path, "docs/payments-ops.md");
    assert.ok(anchors.includes(anchor!), `${alert} links to #${anchor}`);
  }
  assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
});

Deno.test("the panels of the dashboard do not overlap, and each has a unique number", () => {
  const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, n) => `${x + n % w},${y + Math.floor(n / w)}`)
  );
  assert.equal(new Set(cells).size, cells.length);
  assert.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length);
});

Deno.test("the scrape configuration asks the function's path, with its token from a file", async () => {
  const { scrape_configs } = scrapeFile.parse(parse(await readText("monitoring/prometheus.yml")));
  assert.deepEqual(scrape_configs.map(({ metrics_path }) => metrics_path), ["/functions/v1/lapse-metrics"]);
});

/** Prometheus' own parser; throws for what it does not take. */
function readPromql(expression: string): { names: string[]; labels: string[] } {
  const names: string[] = [];
  const labels: string[] = [];
  parser.parse(expression).iterate({
    enter: ({ type, name, from, to }) => {
      if (type.isError) throw new Error(`${expression} is no PromQL at ${from}`);
      const text = expression.slice(from, to);
      if (name === "Identifier" && text.startsWith("lapse_")) names.push(text);
      if (name === "LabelName") labels.push(text);
    },
  });
  return { names, labels };
}

/** The labels of each metric, of a shop in which everything has happened once. */
async function readMetrics(): Promise<Map<string, Set<string>>> {
  await using database = await databases.fresh();
  const sql = postgres(database.url, { max: 1, onnotice: () => {} });
  try {
    const id = crypto.randomUUID();
    await sql`select lapse.begin_run(${id}, 'expire-stale-orders', 'server', 'test')`;
    await sql`select lapse.finish_run(${id}, 'succeeded')`;
    await sql`update lapse.metrics set oldest_due_at = now() where true`;
    await sql`select lapse.raise_alert('late_payment:1', null, 'critical', 'x', '{}')`;
    const [row] = await sql`select lapse.read_metrics() as families`;
    return new Map(
      row!.families.map((
        { name, samples }: { name: string; samples: { labels: object }[] },
      ) => [name, new Set(samples.flatMap(({ labels }) => Object.keys(labels)))]),
    );
  } finally {
    await sql.end();
  }
}
