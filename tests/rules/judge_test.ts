import assert from "node:assert/strict";
import { judge } from "../support/runner/suites.ts";
import { closingLine, isGood } from "../support/runner/tally.ts";

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

Deno.test("a filter that leaves a file without tests is no failure, but a run without any test is not good", () => {
  const tally = judge({ code: 0, xml: "<testsuites></testsuites>", files }, { refuseSkipped: false, filter: "x" });
  assert.equal(tally.failed, 0);
  assert.ok(!isGood([tally]));
});

Deno.test("a skipped test counts as failed where skipping is refused", () => {
  const tally = judge({ code: 0, xml: report(good, skipped), files }, { refuseSkipped: true });
  assert.deepEqual([tally.passed, tally.failed, tally.skipped], [1, 1, 0]);
});

Deno.test("the closing line sums what passed and failed", () => {
  assert.equal(closingLine([{ passed: 2, failed: 0 }, { passed: 3, failed: 1 }]), "5 passed, 1 failed");
});

function report(...cases: string[]): string {
  return `<testsuites><testsuite name="./tests/unit/a_test.ts">${cases.join("\n")}</testsuite></testsuites>`;
}
