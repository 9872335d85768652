import assert from "node:assert/strict";
import postgres from "postgres";
import { CLEANUP_REASONS } from "../../functions/_shared/stripe/cleanup-reasons.ts";
import { REASONS } from "../../functions/_shared/stripe/reasons.ts";
import { type Databases, startDatabases } from "../../local/platform/databases.ts";
import { readText } from "../rules/project-files.ts";
import { root } from "../support/runner/program.ts";

const runbook = await readText("docs/payments-ops.md");
const section = (title: string) => runbook.split(`\n## ${title}\n`)[1]!.split("\n## ")[0]!;

/** Codes that only SQL writes; the test below finds them in the functions' own text. */
const OF_SQL = [
  "attempts_exhausted",
  "claim_lapsed",
  "declared_dead",
  "ending",
  "no_payment",
  "paid_twice",
  "payment_not_dead",
  "reported_by_shop",
];

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

Deno.test("every kind of alert has its entry, under its number, and no other has", async () => {
  const kinds = await ask<{ code: string; kind: string }>("select code, kind from jobs.alert_kinds order by code");
  assert.deepEqual(entriesOf("Alerts"), kinds.map(({ code, kind }) => `${code} ${kind}`));
});

Deno.test("every reason why an order is quarantined has its entry, numbered without gaps", async () => {
  const source = await readText("functions/_shared/stripe/reasons.ts");
  const [, part] = source.match(/\/\/ A person has to look[^\n]*\n(.*?)\n\s*\/\//s)!;
  const codes = [...part!.matchAll(/^ {2}(\w+):/gm)].map(([, code]) => code!);
  assert.ok(codes.length > 10);
  const entries = entriesOf("Quarantine").map((entry) => entry.split(" "));
  assert.deepEqual(entries.map(([number]) => number), numbers("Q", entries.length));
  assert.deepEqual(entries.map(([, code]) => code).sort(), [...codes, "attempts_exhausted", "claim_lapsed"].sort());
});

Deno.test("every entry says what it means, why it hurts, what to do, and when it is intended", () => {
  for (const title of ["Alerts", "Quarantine"]) {
    for (const entry of section(title).split("\n### ").slice(1)) {
      const parts = [...entry.matchAll(/^- \*\*(\w+)\*\* \S/gm)].map(([, name]) => name);
      assert.deepEqual(parts, ["Means", "Hurts", "Do", "Intended"], entry.split("\n")[0]);
    }
  }
});

Deno.test("every other reason stands in one row of its own, numbered without gaps", () => {
  const rows = section("Other reasons").split("\n").map((line) => line.split("|").map((cell) => cell.trim()))
    .filter(([, number]) => /^R\d+$/.test(number ?? ""));
  assert.deepEqual(rows.map(([, number]) => number), numbers("R", rows.length));
  const quarantine = entriesOf("Quarantine").map((entry) => entry.split(" ")[1]!);
  const codes = rows.flatMap(([, , code]) => code!.match(/^`(\w+)`$/)?.[1] ?? []);
  const all = new Set([...Object.keys(REASONS), ...Object.keys(CLEANUP_REASONS), ...OF_SQL]);
  assert.deepEqual([...codes, ...quarantine].sort(), [...all].sort());
  assert.deepEqual(rows.filter((cells) => cells.slice(3, 6).some((cell) => cell === "")), []);
});

Deno.test("the database writes no reason that the runbook does not know", async () => {
  const functions = await ask<{ name: string; source: string }>(
    "select proname as name, prosrc as source from pg_proc where pronamespace in ('public'::regnamespace, 'jobs'::regnamespace)",
  );
  const found = functions.flatMap(({ source }) => findReasons(source));
  assert.ok(found.length >= OF_SQL.length);
  assert.deepEqual([...new Set(found)].sort(), [...OF_SQL].sort());
});

Deno.test("every setting stands in the table, with its default, and no other does", async () => {
  const settings = await ask<{ name: string; value: string | null }>(`
    select a.attname as name, to_jsonb(s) ->> a.attname as value
    from pg_attribute a cross join jobs.settings s
    where a.attrelid = 'jobs.settings'::regclass and a.attnum > 0 and not a.attisdropped and a.attname <> 'only_row'`);
  const rows = section("Settings").split("\n").flatMap((line) =>
    line.match(/^\| `(\w+)`\s*\|\s*(.*?)\s*\|/)?.slice(1, 3)
      ? [
        line.match(/^\| `(\w+)`\s*\|\s*(.*?)\s*\|/)!.slice(1, 3),
      ]
      : []
  );
  const written = await ask<{ name: string; value: string }>(
    rows.map(([name, value]) => `select '${name}' as name, ${sqlValue(value!)} as value`).join(" union all "),
  );
  const sorted = (list: { name: string; value: string | null }[]) =>
    list.map(({ name, value }) => `${name} = ${value ?? "none"}`).sort();
  assert.deepEqual(sorted(written), sorted(settings));
});

Deno.test("every code that jobs-health answers with is explained", async () => {
  const [row] = await ask<{ source: string }>("select prosrc as source from pg_proc where proname = 'jobs_health'");
  const source = await readText("functions/jobs-health/health.ts");
  const codes = [
    ...[...row!.source.matchAll(/select '(\w+)'/g)].map(([, code]) => code!),
    ...["misconfigured", "database_unreachable"].filter((code) => source.includes(`"${code}"`)),
  ];
  assert.equal(codes.length, 5);
  const text = section("When jobs-health says 503");
  assert.deepEqual([...text.matchAll(/^\| `(\w+)`/gm)].map(([, code]) => code).sort(), codes.sort());
});

Deno.test("every link within the documents leads somewhere", async () => {
  for (
    const path of ["README.md", "docs/API_ROUTES.md", "docs/payments-ops.md", "docs/adopting.md", "docs/design.md"]
  ) {
    for (const [, target, anchor] of (await readText(path)).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)) {
      const file = target === "" ? path : new URL(target!, `file:///${path}`).pathname.slice(1);
      await Deno.stat(new URL(file, `file://${root}`));
      if (anchor === undefined) continue;
      const text = await readText(file);
      const anchors = [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
        title!.toLowerCase().replaceAll(/[^\w\s-]/g, "").replaceAll(" ", "-")
      );
      assert.ok(anchors.includes(anchor), `${path} links to #${anchor} of ${file}`);
    }
  }
});

function entriesOf(title: string): string[] {
  return [...section(title).matchAll(/^### (.+)$/gm)].map(([, heading]) => heading!);
}

function numbers(letter: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${letter}${String(n + 1).padStart(2, "0")}`);
}

/** Where the functions write a reason as a literal: into a column, a decision, or a CASE that replaces one. */
function findReasons(source: string): string[] {
  const places = [
    /reason = '(\w+)'/g,
    /'reason', '(\w+)'/g,
    /then '(\w+)' else \w+\.reason/g,
    /when '(\w+)' then v_result else/g,
    /'expired', '(\w+)', c\.units/g,
    /'paid', '(\w+)', '\{"source"/g,
    /\."orderId", '(\w+)', p_now/g,
  ];
  return places.flatMap((place) => [...source.matchAll(place)].map(([, code]) => code!));
}

/** A default as the table writes it, as SQL for what the settings' row holds. */
function sqlValue(text: string): string {
  if (text === "none") return "null";
  return /^\d+$/.test(text) ? `'${text}'` : `(interval '${text}')::text`;
}
