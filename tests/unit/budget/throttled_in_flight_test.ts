import assert from "node:assert/strict";
import { isolate, sharedRow, virtualTime } from "./virtual-time.ts";

const refused = () => new Response("{}", { status: 429, headers: { "stripe-rate-limited-reason": "endpoint-rate" } });
const PAUSE_MS = 1_000;

/** A database that halves the rate and pauses when it is told of a refusal, and takes its time with every answer. */
function setUp({ answersAfter, reportsAfter }: { answersAfter: number; reportsAfter: number }) {
  const { clock, runUntil } = virtualTime();
  const { row, reserve } = sharedRow(clock, { answersAfter });
  const reported: number[] = [];
  const report = async () => {
    await clock.sleep(reportsAfter);
    row.rate /= 2;
    row.pausedUntil = clock.monotonic() + PAUSE_MS;
    reported.push(clock.monotonic());
  };
  const answers = { next: () => new Response("{}") };
  const stripe = isolate({ clock, reserve, report, wire: () => clock.sleep(100).then(() => answers.next()) });
  return { clock, runUntil, row, reported, answers, ...stripe };
}

Deno.test("a block that was asked for before a refusal and arrives after it is not used", async () => {
  const { runUntil, clock, read, budget, sent, row, reported } = setUp({ answersAfter: 200, reportsAfter: 0 });
  const calls = Array.from({ length: 10 }, () => read());
  // While the first block is on its way, another call of this isolate is refused.
  await runUntil(clock.sleep(100));
  await runUntil(budget.throttled("payment_intents.retrieve", "endpoint"));
  await runUntil(Promise.all(calls));
  assert.ok(sent[0]! >= reported[0]! + PAUSE_MS, `a call left ${sent[0]! - reported[0]!} ms after the refusal`);
  const gaps = sent.slice(1).map((at, n) => at - sent[n]!);
  assert.ok(Math.min(...gaps) > 100, "calls left at the old rate");
  assert.equal(row.reserved.length, 2);
});

Deno.test("no reservation overtakes a report that is still on its way", async () => {
  const { runUntil, read, sent, row, reported, answers } = setUp({ answersAfter: 0, reportsAfter: 700 });
  answers.next = () => (answers.next = () => new Response("{}"), refused());
  await runUntil(Promise.all([read(), ...Array.from({ length: 30 }, () => read())]));
  const [told] = reported;
  assert.ok(row.reserved.every(({ at }) => at === 0 || at >= told!), `slots were reserved before ${told} ms`);
  // The refusal came after 100 ms; what was still waiting then waits for the pause.
  const between = sent.filter((at) => at > 100 && at < told! + PAUSE_MS);
  assert.deepEqual(between, []);
  assert.equal(sent.length, 31);
});

Deno.test("a refusal for the account's rate holds back endpoints that nobody has called yet, also when its report fails", async () => {
  const { clock, runUntil } = virtualTime();
  const { row, reserve } = sharedRow(clock);
  const report = async () => {
    await clock.sleep(500);
    throw new Error("database away");
  };
  const { budget, read } = isolate({ clock, reserve, report, wire: () => Promise.resolve(new Response("{}")) });
  const throttled = budget.throttled("payment_intents.list", "account").catch(({ message }) => message);
  await runUntil(read());
  assert.deepEqual([row.reserved[0]!.at, await throttled], [500, "database away"]);
});
