import assert from "node:assert/strict";
import { readText } from "../rules/project-files.ts";
import { FAULTS } from "./faults/all.ts";
import { filesBelow } from "../support/runner/files.ts";
import { type Fault, plant } from "./fault.ts";
import { createJudge } from "./judge.ts";
import { isGood, type Result, summarise } from "./results.ts";
import { SURVIVORS } from "./survivors.ts";
import { copyWorkingTree } from "./workspace.ts";

const VERDICT = "functions/_shared/stripe/verdict.ts";
const tests = ["tests/unit/stripe/verdict_test.ts"];
const fault = (id: string, find: string, replace: string): Fault => ({
  id,
  file: VERDICT,
  find,
  replace,
  breaks: "a promise",
  tests,
});

Deno.test("the runner names the test that caught a fault, and tells what survived and what has lost its place", async () => {
  await using workspace = await copyWorkingTree();
  const judge = createJudge(workspace, { pgtap: null });
  const source = await workspace.read(VERDICT);

  const caught = await judge(fault("real", `case "canceled":`, `case "cancelled":`));
  assert.equal(caught.outcome, "caught");
  assert.match(caught.by!, /^verdict on an intent: .*cancel/);
  const survived = await judge(fault("harmless", "/** The extra grace,", "/** The one extra grace,"));
  assert.equal(survived.outcome, "survived");
  const stale = await judge(fault("stale", "what is not there", ""));
  assert.deepEqual([stale.outcome, stale.by], [
    "stale",
    `Cannot plant stale as its place in ${VERDICT} is not there once: current value is 0`,
  ]);

  assert.equal(await workspace.read(VERDICT), source, "a fault was left behind");
  assert.ok(isGood(summarise([caught])));
  for (const bad of [survived, stale]) assert.ok(!isGood(summarise([caught, bad])));
});

Deno.test("a suite that fails by itself catches nothing", async () => {
  await using workspace = await copyWorkingTree();
  await Deno.writeTextFile(`${workspace.folder}/broken_test.ts`, `Deno.test("always", () => { throw new Error(); });`);
  const judge = createJudge(workspace, { pgtap: null });
  await assert.rejects(
    judge({ ...fault("any", "if (false)", ""), tests: ["broken_test.ts"] }),
    /fails without any: .* always/,
  );
});

Deno.test("every fault of the list has its place in the code, once, and a name of its own", async () => {
  const sources = new Map<string, string>();
  for (const { file } of FAULTS) sources.set(file, sources.get(file) ?? await readText(file));
  const planted = FAULTS.filter((it) => plant(it, sources.get(it.file)!) !== sources.get(it.file)).map(({ id }) => id);
  assert.deepEqual(planted, FAULTS.map(({ id }) => id));
  assert.equal(new Set(planted).size, FAULTS.length);
});

Deno.test("no fault is planted in a function that a later migration replaces", async () => {
  const migrations = await filesBelow("migrations", ".sql");
  const dead: string[] = [];
  for (const { id, file, find } of FAULTS.filter(({ file }) => file.startsWith("migrations/"))) {
    const before = (await readText(file)).split(find)[0]!;
    const [, name] = [...before.matchAll(/create (?:or replace )?function ([\w.]+)\(/g)].at(-1) ?? [];
    for (const later of migrations.filter((path) => path > file)) {
      if (name && (await readText(later)).includes(`create or replace function ${name}(`)) {
        dead.push(`${id}: ${name} is in ${later}`);
      }
    }
  }
  assert.deepEqual(dead, []);
});

Deno.test("only faults of the list are explained as survivors", () => {
  const survivor = (id: string): Result => ({ id, outcome: "survived", by: null, suites: 1, seconds: 0 });
  const ids = Object.keys(SURVIVORS);
  assert.deepEqual(ids.filter((id) => !FAULTS.some((it) => it.id === id)), []);
  if (ids.length > 0) assert.ok(isGood(summarise(ids.map(survivor))));
});
