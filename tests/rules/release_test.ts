import assert from "node:assert/strict";
import { VERSION } from "../../functions/_shared/version.ts";
import { filesBelow } from "../support/runner/files.ts";
import { readText } from "./project-files.ts";

Deno.test("package, functions and database name the same release", async () => {
  const { version } = JSON.parse(await readText("package.json"));
  const [, database] = (await readText("migrations/20261129000100_schemas.sql")).match(
    /lapse\.version\(\)[^']*'([^']+)'/,
  )!;
  assert.deepEqual([VERSION, database], [version, version]);
});

Deno.test("a delta replaces the release's number, secures what it added, and leaves the shop's schema alone", async () => {
  for (const path of await filesBelow("releases", ".sql")) {
    const [, to] = path.match(/--(.+)\.sql$/) ?? [];
    if (to !== undefined) assert.deepEqual(findFaults(await readText(path), to), [], path);
  }
  assert.deepEqual(findFaults("create table lapse.x (); drop function lapse_shop.contract_version();", "1.0.0"), [
    "it does not make lapse.version() 1.0.0",
    "it does not end with select lapse.secure();",
    "it touches lapse_shop",
  ]);
  assert.deepEqual(
    findFaults(
      "create or replace function lapse.version() … $$ select '1.0.0'; $$;\nselect lapse.secure();\n",
      "1.0.0",
    ),
    [],
  );
});

Deno.test("minified code does not use `using`, because the bundler drops the disposal of variables that are used once", async () => {
  const paths = [...await filesBelow("functions", ".ts"), ...await filesBelow("cli", ".ts")];
  assert.ok(paths.length > 80);
  const found = await Promise.all(
    paths.map(async (path) => /^\s*(await )?using \w+ =/m.test(await readText(path)) ? [path] : []),
  );
  assert.deepEqual(found.flat(), []);
});

function findFaults(sql: string, to: string): string[] {
  const checks: [boolean, string][] = [
    [sql.includes("function lapse.version()") && sql.includes(`'${to}'`), `it does not make lapse.version() ${to}`],
    [/select lapse\.secure\(\);\s*$/.test(sql), "it does not end with select lapse.secure();"],
    [!/\b(create|alter|drop)\b[^;]*\blapse_shop\b/i.test(sql), "it touches lapse_shop"],
  ];
  return checks.filter(([holds]) => !holds).map(([, fault]) => fault);
}
