import assert from "node:assert/strict";
import { isolate, sharedRow, virtualTime } from "./virtual-time.ts";

function setUp(expected?: () => number) {
  const { clock, runUntil } = virtualTime();
  const { row, reserve } = sharedRow(clock);
  const wire = () => clock.sleep(80).then(() => new Response("{}"));
  return { clock, runUntil, row, ...isolate({ clock, reserve, expected, wire }) };
}

Deno.test("calls that come together reserve their slots together, and not one more", async () => {
  const { read, row, runUntil } = setUp();
  for (const count of [2, 5, 30]) {
    row.reserved.length = 0;
    // With a signal, as Stripe's SDK sends them.
    const { signal } = new AbortController();
    await runUntil(Promise.all(Array.from({ length: count }, () => read(signal))));
    assert.deepEqual(row.reserved.map((it) => it.count), [count]);
  }
});

Deno.test("calls that come one after the other are reserved together where they were expected", async () => {
  let left = 40;
  const { clock, read, row, runUntil, sent } = setUp(() => left);
  // As cancels come, each when its read was answered.
  const cancelAll = async () => {
    const answered: Promise<unknown>[] = [];
    while (left > 0) {
      left--;
      answered.push(read());
      await clock.sleep(52);
    }
    await Promise.all(answered);
  };
  await runUntil(cancelAll());
  assert.deepEqual([row.reserved.map(({ count }) => count), sent.length], [[40], 40]);
});

Deno.test("what is expected and never comes costs the others a pause of its length, and nobody a call", async () => {
  const { read, row, runUntil, sent } = setUp(() => 10);
  await runUntil(read());
  assert.deepEqual([row.reserved, sent], [[{ at: 0, count: 11 }], [0]]);
});
