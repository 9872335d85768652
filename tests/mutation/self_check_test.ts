import assert from "node:assert/strict";
import { readText } from "../rules/project-files.ts";
import { exists } from "../../local/postgres/installation.ts";
import { denoTests } from "./deno-tests.ts";
import { ROOMS } from "./faults/rooms.ts";
import { type Fault, plant, StaleFaultError } from "./fault.ts";
import { createJudge } from "./judge.ts";
import { summarise } from "./results.ts";
import { SURVIVORS } from "./survivors.ts";
import { copyWorkingTree } from "./workspace.ts";

const FAULTS = Object.values(ROOMS).flat();
const OWNERSHIP = "functions/_shared/rules/ownership.ts";
const fault = (name: string, find: string, replace: string): Fault => (
  { name, file: OWNERSHIP, find, replace, what: "a promise", suite: ["unit/rules/ownership_test.ts"] }
);

Deno.test("every fault matches one place in the code and has a unique name", async () => {
  const sources = new Map<string, string>();
  for (const { file } of FAULTS) if (!sources.has(file)) sources.set(file, await readText(file).catch(() => ""));
  const problems = FAULTS.flatMap((it) => {
    try {
      return plant(it, sources.get(it.file)!) === sources.get(it.file) ? [`${it.name} changes nothing`] : [];
    } catch (error) {
      return (error as Error).message;
    }
  });
  assert.deepEqual(problems, []);
  const names = FAULTS.map(({ name }) => name);
  assert.deepEqual(names.filter((name, index) => names.indexOf(name) !== index), []);
});

Deno.test("every fault names tests that exist, and says what it does to a shop", async () => {
  const paths = [...new Set(FAULTS.flatMap(({ suite }) => suite))];
  const found = await Promise.all(paths.map((path) => exists(`tests/${path}`)));
  assert.deepEqual(paths.filter((_, index) => !found[index]), []);
  assert.deepEqual(FAULTS.filter(({ what, suite }) => suite.length === 0 || !/^[\w'"][^.]+$/.test(what)), []);
});

Deno.test("only faults of the list are explained as survivors", () => {
  assert.deepEqual(Object.keys(SURVIVORS).filter((name) => !FAULTS.some((it) => it.name === name)), []);
});

Deno.test("the judge names the test that caught a fault, and reports survivors and faults without a place", async () => {
  await using workspace = await copyWorkingTree();
  const judge = createJudge([denoTests(workspace)]);
  const source = await workspace.read(OWNERSHIP);

  const caught = await judge(fault("real", `return "wrong_mode";`, "return null;"));
  assert.deepEqual([caught.outcome, caught.by], [
    "caught",
    "a payment of the other mode belongs to no order, whatever it names",
  ]);
  const survived = await judge(
    fault("harmless", "const UUID =", "const UUID /* any */ ="),
  );
  assert.equal(survived.outcome, "survived");
  for (const [find, replace] of [["what is not there", ""], ["const UUID", "cons UUID"]] as const) {
    const { outcome, by } = await judge(fault("stale", find, replace));
    assert.equal(outcome, "stale", by!);
  }
  assert.equal(await workspace.read(OWNERSHIP), source, "a fault was left behind");
  assert.equal(summarise([caught]).failed, 0);
  assert.equal(summarise([caught, survived]).failed, 1);
});

Deno.test("tests that fail without a fault catch nothing", async () => {
  const judge = createJudge([{ knows: () => true, run: () => Promise.resolve("always") }]);
  const { outcome, by } = await judge(fault("any", "", ""));
  assert.deepEqual([outcome, by], ["unsound", "unit/rules/ownership_test.ts fails without any fault: always"]);
});

Deno.test("a fault that matches two places has no place", () => {
  assert.throws(() => plant(fault("twice", "a", "b"), "a a"), StaleFaultError);
});
