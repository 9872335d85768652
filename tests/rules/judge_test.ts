import assert from "node:assert/strict";
import { runJobs } from "../support/runner/pool.ts";
import { judge, mayHave } from "../support/runner/suites.ts";
import { closingLine, isGood, type Job, sumUp } from "../support/runner/tally.ts";

const good = `<testcase name="holds stock" classname="./tests/unit/a_test.ts" time="0.000"></testcase>`;
const bad = `<testcase name="&lt;skipped/&gt;" time="0.1"><failure message="boom">Error</failure></testcase>`;
const cancelled = `<testcase name="late" time="0.1"><error message="Cancelled"/></testcase>`;
const skipped = `<testcase name="needs pg_cron" time="0"><skipped/></testcase>`;
const files = ["tests/unit/a_test.ts"];

Deno.test("passed, failed, cancelled and skipped tests are counted as such", () => {
  const tally = judge({ code: 1, xml: report(good, good, bad, cancelled, skipped), files }, { refuseSkipped: false });
  const { notes, ...counts } = tally;
  assert.deepEqual(counts, { passed: 2, failed: 2, skipped: 1 });
  assert.deepEqual(notes, ["<skipped/>: boom", "late: Cancelled"]);
});

Deno.test("a suite whose program died without a failed test has failed", () => {
  assert.equal(judge({ code: 1, xml: report(good), files }, { refuseSkipped: false }).failed, 1);
  assert.equal(judge({ code: 143, xml: "", files }, { refuseSkipped: false }).failed, 1);
});

Deno.test("a file of which no test ran has failed", () => {
  const both = [...files, "tests/unit/b_test.ts"];
  const tally = judge({ code: 0, xml: report(good), files: both }, { refuseSkipped: false });
  assert.deepEqual(tally.notes, ["no test of tests/unit/b_test.ts ran"]);
  assert.equal(tally.failed, 1);
});

Deno.test("a folder without tests has failed", () => {
  assert.equal(judge({ code: 0, xml: "<testsuites></testsuites>", files: [] }, { refuseSkipped: false }).failed, 1);
});

Deno.test("a filter may leave a file without tests, but a run without any test fails", () => {
  const tally = judge({ code: 0, xml: "<testsuites></testsuites>", files }, { refuseSkipped: false, filter: "x" });
  assert.equal(tally.failed, 0);
  assert.ok(!isGood([tally]));
});

Deno.test("a skipped test counts as failed where skipping is refused", () => {
  const tally = judge({ code: 0, xml: report(good, skipped), files }, { refuseSkipped: true });
  assert.deepEqual([tally.passed, tally.failed, tally.skipped], [1, 1, 0]);
});

Deno.test("a filter leaves out files in which no test has that name, and no other", () => {
  const test = `Deno${".test"}`;
  assert.equal(mayHave("stock", `${test}("holds stock", () => {});`), "in its text");
  assert.equal(mayHave("voucher", `${test}("holds stock", () => {});\n${test}.beforeAll(start);`), "no");
  assert.equal(mayHave("voucher", `${test}({ name: "holds stock", fn });`), "no");
  assert.equal(mayHave("voucher", `${test}(\n  "holds stock",\n  async () => {},\n);`), "no");
  // Names that are put together while the file is loaded.
  assert.equal(mayHave("voucher", `${test}(nameOf(path), () => {});`), "perhaps");
  assert.equal(mayHave("voucher", `${test}({ name, fn });`), "perhaps");
  assert.equal(mayHave("voucher", `${test}(${"`"}a ${"$"}{kind} is kept${"`"}, () => {});`), "perhaps");
  assert.equal(mayHave("/vou.?cher/", `${test}("holds stock", () => {});`), "perhaps");
});

Deno.test("jobs run side by side up to a number, and a check's parts are one result", async () => {
  let running = 0;
  let most = 0;
  const job = (check: string, part: string, failed: number): Job => ({
    check,
    part,
    async run() {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
      return { passed: 2, failed, skipped: 0, notes: failed ? [part] : [], output: "" };
    },
  });
  const jobs = [job("unit", "a", 0), job("unit", "b", 1), job("local", "c", 0), job("unit", "d", 0)];
  const results = sumUp(await runJobs(jobs, { refuseSkipped: false }, 2, () => {}));
  assert.equal(most, 2);
  assert.deepEqual(results.map(({ name, passed, failed, notes }) => [name, passed, failed, notes]), [
    ["unit", 6, 1, ["b"]],
    ["local", 2, 0, []],
  ]);
});

Deno.test("the closing line sums what passed and failed", () => {
  assert.equal(closingLine([{ passed: 2, failed: 0 }, { passed: 3, failed: 1 }]), "5 passed, 1 failed");
});

function report(...cases: string[]): string {
  return `<testsuites><testsuite name="./tests/unit/a_test.ts">${cases.join("\n")}</testsuite></testsuites>`;
}
