import assert from "node:assert/strict";
import { callers, isolate, peakOf, sharedRow, virtualTime } from "./virtual-time.ts";

/** What Stripe allows an endpoint in a second; the budget is 20. */
const STRIPE_ALLOWS = 25;

function setUp({ answersAfter = 0 } = {}) {
  const { clock, runUntil } = virtualTime();
  const { row, reserve } = sharedRow(clock, { answersAfter });
  const open = (latencyMs: (call: number) => number) => {
    const it = isolate({ clock, reserve, wire: () => clock.sleep(latencyMs(it.sent.length)).then(reply) });
    return it;
  };
  return { clock, runUntil, row, open };
}

const reply = () => new Response("{}");

for (
  const [name, slow, fast] of [
    ["9 s", () => 9_000, () => 100],
    ["5 s", () => 5_000, () => 200],
    ["3 s", () => 3_000, () => 300],
    ["now 50 ms, now 2 s", (call: number) => call % 12 < 2 ? 50 : 2_000, () => 100],
  ] as const
) {
  Deno.test(`two isolates, one of which Stripe answers in ${name}, together stay below what Stripe allows`, async () => {
    const { clock, runUntil, open } = setUp();
    const [a, b] = [open(slow), open(fast)];
    const second = clock.sleep(50).then(() => callers(75, 10, b.read));
    await runUntil(Promise.all([callers(75, 4, a.read), second]));
    const peak = peakOf([...a.sent, ...b.sent]);
    assert.ok(peak <= STRIPE_ALLOWS, `${peak} calls in one second`);
    assert.equal(a.sent.length + b.sent.length, 75 * 14);
  });
}

Deno.test("a database that answers late still lets calls through, a single one as well as many", async () => {
  for (const answersAfter of [300, 900, 2_500]) {
    const { runUntil, open, row, clock } = setUp({ answersAfter });
    const { read, sent } = open(() => 100);
    await runUntil(callers(1, 5, read));
    assert.equal(sent.length, 5);
    assert.ok(row.reserved.length <= 12, `${row.reserved.length} reservations for 5 calls`);
    await runUntil(callers(50, 2, read));
    assert.equal(sent.length, 105);
    assert.ok(clock.monotonic() < answersAfter * 20 + 10_000, `it took ${clock.monotonic()} ms`);
  }
});
