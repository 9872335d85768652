import assert from "node:assert/strict";
import { countersOf } from "../../cli/runs.ts";
import { dayRow, metricsRow, type RunRow, runRow } from "../../cli/rows.ts";
import { COUNTERS } from "../../functions/_shared/database/runs.ts";
import { readText } from "./project-files.ts";

const [first, last] = [COUNTERS[0], COUNTERS.at(-1)!];
const camelCase = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
const CAMEL = COUNTERS.map(camelCase);
/** Told by other lines of a run's description: payments that were kept are no work. */
const UNTOLD = ["paymentsKept"];

Deno.test("tables, functions, command line and documents have the same counters, in one order", async () => {
  const runs = await readText("migrations/20261129001000_runs.sql");
  const decisions = await readText("migrations/20261129001100_decisions.sql");
  assert.deepEqual(columnsOf(runs, "lapse.runs", first, last), COUNTERS);
  assert.deepEqual(columnsOf(decisions, "lapse.metrics_daily", first, last), COUNTERS);
  const totals = columnsOf(decisions, "lapse.metrics", `${first}_total`, `${last}_total`);
  assert.deepEqual(totals, COUNTERS.map((name) => `${name}_total`));

  for (
    const [name, row, suffix] of [["run", runRow, ""], ["day", dayRow, ""], ["metrics", metricsRow, "Total"]] as const
  ) {
    assert.deepEqual(
      between(Object.keys(row.shape), CAMEL[0] + suffix, CAMEL.at(-1)! + suffix),
      CAMEL.map((it) => it + suffix),
      name,
    );
  }
  const report = (await readText("docs/API_ROUTES.md")).match(/\{\n {2}"runId":[^}]*\}/)?.[0] ?? "{}";
  assert.deepEqual(between(Object.keys(JSON.parse(report)), CAMEL[0]!, CAMEL.at(-1)!), CAMEL);
});

Deno.test("the database records each counter for the run, the day and the job, and counts it again", async () => {
  const record = await readText("migrations/20261129001150_record_decisions.sql");
  const recount = await readText("migrations/20261129003350_watch_promises.sql");
  for (const name of COUNTERS) {
    for (const part of [`as ${name}\\b`, `r\\.${name} \\+`, `m\\.${name} \\+`, `m\\.${name}_total \\+`]) {
      assert.match(record, new RegExp(part));
    }
    for (const part of [`as ${name}\\b`, `r\\.${name}\\b`, `c\\.${name}\\b`]) assert.match(recount, new RegExp(part));
  }
});

Deno.test("the command line shows each counter that is not zero", () => {
  const none = Object.fromEntries(CAMEL.map((name) => [name, 0]));
  for (const name of CAMEL) {
    const told = countersOf({ ...none, [name]: 7 } as unknown as RunRow);
    assert.equal(told.startsWith("7 "), !UNTOLD.includes(name), name);
  }
});

/** The columns of a table from one to another, as its migration lists them. */
function columnsOf(source: string, table: string, from: string, to: string): string[] {
  const body = source.split(`create table ${table} (`)[1]?.split("\n);")[0] ?? "";
  return between([...body.matchAll(/^ {2}(\w+) /gm)].map(([, name]) => name!), from, to);
}

function between(names: string[], from: string, to: string): string[] {
  return names.slice(names.indexOf(from), names.indexOf(to) + 1);
}
