import assert from "node:assert/strict";
import postgres from "postgres";
import { type Postgres, startPostgres } from "../../local/postgres/start.ts";
import { judge } from "../support/pgtap/run-file.ts";

let server: Postgres;
let sql: postgres.Sql;
Deno.test.beforeAll(async () => {
  server = await startPostgres();
  sql = postgres(server.url, { max: 1, prepare: false, onnotice: () => {} });
  await sql.unsafe(await Deno.readTextFile(new URL("../support/pgtap/pgtap.sql", import.meta.url))).simple();
  await sql`set search_path = public, tap`;
});
Deno.test.afterAll(async () => {
  await sql?.end({ timeout: 1 });
  await server?.stop("immediate");
});

/** Each holds or does not, as under pgTAP itself. */
const assertions: [assertion: string, holds: boolean][] = [
  ["ok(true, 'x')", true],
  ["ok(false, 'x')", false],
  ["ok(null, 'x')", false],
  ["is(1, 1, 'x')", true],
  ["is(1, 2, 'x')", false],
  ["is(null::int, null, 'x')", true],
  ["is(null::int, 1, 'x')", false],
  ["isnt(1, 1, 'x')", false],
  ["cmp_ok(1, '<', 2, 'x')", true],
  ["cmp_ok(null::int, '<', 2, 'x')", false],
  ["matches('abc'::text, '^b', 'x')", false],
  ["alike('abc'::text, 'a%', 'x')", true],
  ["results_eq('values (1), (2)', 'values (1), (2)', 'x')", true],
  ["results_eq('values (1), (2)', 'values (2), (1)', 'x')", false],
  ["results_eq('values (1)', 'values (1), (2)', 'x')", false],
  ["results_eq('values (1), (2)', 'values (1)', 'x')", false],
  ["results_eq('values (1, null::int)', 'values (1, null::int)', 'x')", true],
  ["results_eq('values (1::bigint)', 'values (1)', 'x')", false],
  ["results_eq('values (1, 2)', 'values (1)', 'x')", false],
  ["results_eq('values (1), (2)', array[1, 2], 'x')", true],
  ["row_eq('values (1, ''a''::text)', row (1, 'a'::text), 'x')", true],
  ["row_eq('values (1, ''a''::text)', row (2, 'a'::text), 'x')", false],
  ["set_eq('values (1), (2), (2)', 'values (2), (1)', 'x')", true],
  ["bag_eq('values (1), (2), (2)', 'values (2), (1)', 'x')", false],
  ["bag_eq('values (2), (1)', 'values (1), (2)', 'x')", true],
  ["is_empty('select 1 where false', 'x')", true],
  ["is_empty('select 1', 'x')", false],
  ["isnt_empty('select 1 where false', 'x')", false],
  ["lives_ok('select 1', 'x')", true],
  ["lives_ok('select 1 / 0', 'x')", false],
  ["throws_ok('select 1 / 0', '22012', 'division by zero', 'x')", true],
  ["throws_ok('select 1 / 0', '22012', 'other words', 'x')", false],
  ["throws_ok('select 1 / 0', '22023', null, 'x')", false],
  ["throws_ok('select 1 / 0', 'division by zero', 'x')", true],
  ["throws_ok('select 1 / 0', '22012')", true],
  ["throws_ok('select 1 / 0', '22023')", false],
  ["throws_ok('select 1', '22012')", false],
  ["throws_like('select 1 / 0', '%zero', 'x')", true],
  ["throws_like('select 1 / 0', '%one', 'x')", false],
];

Deno.test("the substitute for pgTAP distinguishes passing from failing assertions", async () => {
  for (const [assertion, holds] of assertions) {
    const rows = await sql.unsafe(`begin; select plan(1); select ${assertion} as line; rollback;`).simple();
    const { passed, problems } = judge(rows.flat().flatMap((row) => Object.values(row as object)).map(String));
    assert.deepEqual([assertion, passed, problems.length], [assertion, holds ? 1 : 0, holds ? 0 : 1]);
  }
});

Deno.test("tests are numbered, prepared queries work by name, and a caught error rolls nothing back", async () => {
  const rows = await sql.unsafe(`
    begin;
    select no_plan();
    prepare two as values (1), (2);
    select pass('one'), throws_ok('select 1 / 0', '22012', null, 'two');
    select results_eq('two', 'values (1), (2)', 'three');
    select * from finish();
    rollback;`).simple();
  const values = rows.flat().flatMap((row) => Object.values(row as object)).map(String);
  assert.deepEqual(values.filter((it) => it !== "null"), ["ok 1 - one", "ok 2 - two", "ok 3 - three", "1..3"]);
});

Deno.test("a file fails if one of its tests fails, if the plan does not match, or if there is none", () => {
  assert.deepEqual(judge(["1..2", "ok 1 - a", "ok 2 - b", "42"]), { passed: 2, problems: [] });
  assert.deepEqual(judge(["1..2", "ok 1 - a", "not ok 2 - b\n# have: 1"]).problems, ["not ok 2 - b\n# have: 1"]);
  assert.deepEqual(judge(["1..2", "ok 1 - a"]).problems, ["planned 2 tests and ran 1"]);
  assert.deepEqual(judge(["ok 1 - a"]).problems, ["planned no tests and ran 1"]);
});
