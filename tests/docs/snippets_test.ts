import assert from "node:assert/strict";
import postgres from "postgres";
import { type Databases, startDatabases } from "../../local/platform/databases.ts";
import { filesBelow } from "../support/runner/files.ts";
import { readText } from "../rules/project-files.ts";
import { makeManyDecisions } from "./many-decisions.ts";

// LAPSE_DECISIONS=1000000 makes the shop of the measurements; the plans are the same from some ten thousand on.
const decisions = Number(Deno.env.get("LAPSE_DECISIONS") ?? 100_000);
const grown = ["decisions", "orders", "payments", "runs"];

const paths = await filesBelow("supabase/snippets", ".sql");
const anOrder = "00000000-0000-4000-8000-000000000000";

let databases: Databases;
Deno.test.beforeAll(async () => void (databases = await startDatabases()));
Deno.test.afterAll(() => databases.stop());

Deno.test("each snippet asks one question in its first line and says how to read the answer", async () => {
  assert.ok(paths.length >= 9);
  for (const path of paths) {
    const text = await readText(path);
    assert.match(text, /^-- [A-Z][^\n]*\?\n--\n(-- [^\n]+\n)+\n/, path);
    assert.equal(text.trimEnd().match(/;\n|;$/g)?.length, 1, `${path} is more than one statement`);
  }
});

Deno.test(`on ${decisions} decisions each snippet answers, through indexes only`, async () => {
  await using database = await databases.fresh();
  const admin = postgres(database.adminUrl, { max: 1, onnotice: () => {} });
  const sql = postgres(database.url, { max: 1, onnotice: () => {} });
  try {
    await makeManyDecisions(admin, decisions);
    const [late] = await admin<{ id: string }[]>`select details ->> 'ref' as id from lapse.alerts limit 1`;
    for (const path of paths) {
      const text = (await readText(path)).replace(anOrder, late!.id);
      const rows = await sql.unsafe(text);
      // Just after midnight nothing may have been released today.
      assert.ok(rows.length > 0 || new Date().getUTCHours() === 0, `${path} answers nothing`);
      const [row] = await sql.unsafe(`explain (analyze, format json) ${text}`);
      const nodes = flatten(row!["QUERY PLAN"][0].Plan);
      const read = nodes.filter((node) => grown.includes(node["Relation Name"]!) && readsAll(node));
      assert.deepEqual(read.map((node) => node["Relation Name"]), [], `${path} reads whole tables`);
      if (Deno.env.has("LAPSE_DECISIONS")) {
        console.log(path, `${Math.round(row!["QUERY PLAN"][0]["Execution Time"])} ms`);
      }
    }
  } finally {
    await Promise.all([sql.end({ timeout: 1 }), admin.end({ timeout: 1 })]);
  }
});

Deno.test("the next weekly slot is right in the week in which the clocks change", async () => {
  await using database = await databases.fresh();
  const sql = postgres(database.url, { max: 1, onnotice: () => {} });
  try {
    const text = await readText("supabase/snippets/is-it-running.sql");
    const rows = await sql.unsafe(text.replaceAll("now()", "timestamptz '2026-10-20 12:00:00+00'"));
    assert.deepEqual(rows.map(({ job, next_slot }) => [job, next_slot?.toISOString()]), [
      ["expire-stale-orders", undefined],
      ["cleanup-stale-payment-intents", "2026-10-25T02:00:00.000Z"],
    ]);
  } finally {
    await sql.end({ timeout: 1 });
  }
});

type PlanNode = {
  "Node Type": string;
  "Relation Name"?: string;
  "Index Name"?: string;
  "Index Cond"?: string;
  "Recheck Cond"?: string;
  Plans?: PlanNode[];
};

/** The indexes of open and of quarantined orders hold nothing else, so they may be read from end to end. */
function readsAll(node: PlanNode): boolean {
  if (/^orders_(due|quarantined|waiting)/.test(node["Index Name"] ?? "")) return false;
  return !node["Index Cond"] && !node["Recheck Cond"];
}

function flatten(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(flatten)];
}
