import assert from "node:assert/strict";
import postgres from "postgres";
import { QUARANTINE_REASONS, REASONS } from "../../functions/_shared/rules/reasons.ts";
import { type Databases, startDatabases } from "../../local/platform/databases.ts";
import { readText } from "../rules/project-files.ts";
import { root } from "../support/runner/program.ts";
import { anchorsOf } from "./blocks.ts";

const runbook = await readText("docs/payments-ops.md");
const section = (title: string, level = "##") =>
  runbook.split(`\n${level} ${title}\n`)[1]!.split(new RegExp(`\n#{2,${level.length}} `))[0]!;

let databases: Databases;
Deno.test.beforeAll(async () => void (databases = await startDatabases()));
Deno.test.afterAll(() => databases.stop());

async function ask<T>(query: string): Promise<T[]> {
  await using database = await databases.fresh();
  const sql = postgres(database.url, { max: 1, onnotice: () => {} });
  try {
    return await sql.unsafe(query) as unknown as T[];
  } finally {
    await sql.end();
  }
}

Deno.test("the runbook begins with the doctor, then with the symptoms", () => {
  const [first] = runbook.matchAll(/^## (.+)$/gm);
  assert.equal(first![1], "What you see, what to do");
  assert.ok(runbook.indexOf("lapse -- doctor") < runbook.indexOf("```bash hosted"));
  assert.ok(rowsOf(section("What you see, what to do")).length > 10);
});

Deno.test("the runbook has one entry with harm and fix for every kind of alert, in the order of their numbers", async () => {
  const kinds = await ask<{ code: string; kind: string }>("select code, kind from lapse.alert_kinds order by code");
  const entries = section("Alerts").split("\n- ").slice(1);
  const begins = kinds.map(({ code, kind }) => `<a id="${code.toLowerCase()}-${kind}"></a>**${code} ${kind}**`);
  assert.deepEqual(entries.map((text) => text.split(":")[0]), begins);
  for (const entry of entries) assert.match(entry, /\S\s+_Harm:_\s+\S[^]*\S\s+_Fix:_\s+\S/, entry.slice(0, 30));
});

Deno.test("every reason has one row that says what to do, or is listed as needing no action", () => {
  const rows = rowsOf(section("Reasons"));
  assert.deepEqual(rows.filter((cells) => !cells.at(-1) || cells.at(-1) === "nothing"), []);
  const [nothing] = section("Reasons").split("\n### ");
  const free = codesIn(nothing!.split("These need no action:")[1]!);
  const codes = rows.flatMap(([cell]) => codesIn(cell!));
  assert.deepEqual([...codes, ...free].sort(), Object.keys(REASONS).sort());
});

Deno.test("the reasons of a quarantine are in one table, and each has a way out", () => {
  const rows = rowsOf(section("An operator must decide", "###"));
  assert.deepEqual(rows.flatMap(([cell]) => codesIn(cell!)).sort(), [...QUARANTINE_REASONS].sort());
  assert.deepEqual(rows.filter(([, what]) => what === "nothing"), []);
});

Deno.test("every reason that the database writes is explained", async () => {
  const functions = await ask<{ name: string; source: string }>(
    "select proname as name, prosrc as source from pg_proc where pronamespace = 'lapse'::regnamespace",
  );
  const found = functions.flatMap(({ name, source }) => findReasons(source).map((reason) => `${name}: ${reason}`));
  assert.ok(found.length > 15, `${found.length} reasons were found: the patterns are out of date`);
  assert.deepEqual(found.filter((it) => !(it.split(": ")[1]! in REASONS)), []);
});

Deno.test("the table of settings shows their real defaults", async () => {
  const [settings] = await ask<{ row: Record<string, unknown> }>("select to_jsonb(s) as row from lapse.settings s");
  const rows = rowsOf(section("Settings")).map(([name, value]) => ({ name: name!.slice(1, -1), value: value! }));
  assert.ok(rows.length > 8);
  const written = await ask<{ value: string }>(
    rows.map(({ value }, n) => `select ${n} as n, ${sqlValue(value)} as value`).join(" union all ") + " order by 1",
  );
  assert.deepEqual(
    written.map(({ value }, n) => `${rows[n]!.name} = ${value}`),
    rows.map(({ name }) => `${name} = ${settings!.row[name]}`),
  );
});

Deno.test("every code that lapse-health answers with is explained", async () => {
  const [row] = await ask<{ source: string }>(
    "select prosrc as source from pg_proc where proname = 'health' and pronamespace = 'lapse'::regnamespace",
  );
  const source = await readText("functions/lapse-health/health.ts");
  const codes = [
    ...[...row!.source.matchAll(/select '(\w+)'/g)].map(([, code]) => code!),
    ...["misconfigured", "database_unreachable"].filter((code) => source.includes(`"${code}"`)),
  ];
  assert.ok(codes.length >= 5);
  const named = rowsOf(section("When lapse-health says 503")).map(([code]) => code!.slice(1, -1));
  assert.deepEqual(named.sort(), codes.sort());
});

Deno.test("every link within the two documents has a target", async () => {
  for (const path of ["docs/API_ROUTES.md", "docs/payments-ops.md"]) {
    for (const [, target, anchor] of (await readText(path)).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)) {
      const file = target === "" ? path : new URL(target!, `file:///${path}`).pathname.slice(1);
      await Deno.stat(new URL(file, `file://${root}`));
      if (anchor === undefined) continue;
      const text = await readText(file);
      assert.ok(anchorsOf(text).includes(anchor), `${path} links to #${anchor} of ${file}`);
    }
  }
});

/** The rows of every table of a text, without headings. */
function rowsOf(text: string): string[][] {
  const rows = text.split("\n").filter((line) => line.startsWith("|"))
    .map((line) => line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim()));
  return rows.filter((cells, n) => !/^-+$/.test(cells[0]!) && !/^-+$/.test(rows[n + 1]?.[0] ?? ""));
}

/** Every code that a text names; a row may be about several. */
function codesIn(text: string): string[] {
  return [...text.matchAll(/`(\w+)`/g)].map(([, code]) => code!);
}

/** Where SQL writes a reason as a literal: into a column, a decision, or a CASE that replaces one. */
function findReasons(source: string): string[] {
  const places = [
    /\breason = '(\w+)'/g,
    /'reason', '(\w+)'/g,
    /"reason": "(\w+)"/g,
    /quarantine := '(\w+)'/g,
    /then '(\w+)' end\) as reason/g,
    /then '(\w+)' else \w+\.reason end/g,
    /reason = case [^;]*?then '(\w+)' else '\w+' end/g,
    /reason = case [^;]*?then '\w+' else '(\w+)' end/g,
    /row\('order', [\w.]+, null, [^,]+, '(\w+)',/g,
    /l\.state = 'open' and [^;]*?then '(\w+)'/g,
  ];
  return places.flatMap((place) => [...source.matchAll(place)].map(([, code]) => code!));
}

/** A default as the table writes it, as SQL for the text that the settings' row has in JSON. */
function sqlValue(text: string): string {
  return /^\d+ \w+$/.test(text) ? `to_jsonb(interval '${text}') #>> '{}'` : `'${text}'`;
}
