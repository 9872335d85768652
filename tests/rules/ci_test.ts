import assert from "node:assert/strict";
import { readClosingLine } from "../ci/npm-checks.ts";
import { countTap } from "../ci/tap.ts";
import { parseReport } from "../support/runner/junit.ts";
import { describeResults } from "../support/runner/tally.ts";

const passed = `tests/database/a.test.sql ..
ok 1 - holds stock
ok 2 - releases it once # of two
1..2
ok
All tests successful.
Files=1, Tests=2,  0 wallclock secs
Result: PASS
`;

Deno.test("pgTAP's passed tests are counted, the harness's own ok lines are not", () => {
  assert.deepEqual(countTap(passed, { code: 0, files: 1 }), { passed: 2, failed: 0, skipped: 0, notes: [] });
});

Deno.test("failed and skipped pgTAP tests count as failed, todo tests do not", () => {
  const output = passed.replace(
    "ok 1 - holds stock",
    "not ok 1 - holds stock\nok 3 # SKIP no pg_cron\nnot ok 4 # TODO later",
  );
  const tally = countTap(output, { code: 1, files: 1 });
  assert.deepEqual(tally.notes, ["not ok 1 - holds stock", "ok 3 # SKIP no pg_cron"]);
  assert.deepEqual([tally.passed, tally.failed], [2, 2]);
});

Deno.test("a pgTAP file that died, that was not run, or none at all is a failure", () => {
  assert.equal(countTap(passed, { code: 3, files: 1 }).failed, 1);
  assert.equal(countTap(passed, { code: 0, files: 2 }).failed, 1);
  assert.equal(countTap("", { code: 0, files: 0 }).failed, 1);
});

Deno.test("the result of npm test is its last line, unless its exit code contradicts it", () => {
  const read = (code: number, output: string) => readClosingLine({ code, output });
  assert.deepEqual(read(0, "3 passed, 9 failed\n12 passed, 0 failed\n"), {
    passed: 12,
    failed: 0,
    skipped: 0,
    notes: [],
  });
  assert.equal(read(1, "x\n12 passed, 0 failed\n").failed, 1);
  assert.equal(read(0, "12 passed, 0 failed\nand then it died\n").failed, 1);
});

Deno.test("the failures of npm test are listed again at the end, with their messages", () => {
  const report = parseReport(
    `<testcase name="a &lt;b&gt;" classname="x"><failure message="Values are not\nequal: 1 &lt; 2">at x</failure></testcase>
     <testcase name="fine" classname="x"></testcase>`,
  );
  assert.deepEqual(report.failures, ["a <b>: Values are not equal: 1 < 2"]);
  const { failures, ...counts } = report;
  const output = describeResults([{ name: "unit", ...counts, notes: failures, seconds: 1 }]);
  assert.deepEqual(readClosingLine({ code: 1, output }), {
    passed: 1,
    failed: 1,
    skipped: 0,
    notes: ["unit: a <b>: Values are not equal: 1 < 2"],
  });
});
