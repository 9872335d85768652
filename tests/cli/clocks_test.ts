import assert from "node:assert/strict";
import { judgeClocks } from "../../cli/doctor/clocks.ts";

const noon = new Date("2026-11-22T12:00:00Z");
const late = new Date("2026-11-22T12:05:00Z");

Deno.test("clocks that agree but for the time an answer takes are in step", () => {
  const soon = new Date("2026-11-22T12:00:03Z");
  assert.equal(judgeClocks({ here: noon, database: soon, stripe: noon }).status, "ok");
  assert.equal(judgeClocks({ here: noon, database: soon, stripe: null }).status, "ok");
});

Deno.test("two clocks against one say which is wrong", () => {
  assert.match(judgeClocks({ here: late, database: noon, stripe: noon }).what, /^this machine's clock is wrong/);
  assert.match(judgeClocks({ here: noon, database: late, stripe: noon }).what, /^the database's clock is wrong/);
  assert.match(judgeClocks({ here: noon, database: noon, stripe: late }).what, /^Stripe's clock is wrong/);
});

Deno.test("without Stripe's clock the doctor only knows that one of two is wrong", () => {
  const finding = judgeClocks({ here: noon, database: late, stripe: null });
  assert.equal(finding.status, "fault");
  assert.match(finding.mend!, /which of the two/);
});
