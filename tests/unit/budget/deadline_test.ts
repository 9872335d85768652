import assert from "node:assert/strict";
import { UnsentCallError } from "../../../functions/_shared/errors.ts";
import { isolate, sharedRow, virtualTime } from "./virtual-time.ts";

const DEADLINE = new Date(50_000);

function setUp({ rate = 20, latencyMs = 400, deadline = DEADLINE } = {}) {
  const { clock, runUntil } = virtualTime();
  const { row, reserve } = sharedRow(clock, { rate });
  const wire = () => clock.sleep(latencyMs).then(() => new Response("{}"));
  return { clock, runUntil, row, ...isolate({ clock, reserve, deadline, wire }) };
}

for (const rate of [1, 2, 5, 12]) {
  Deno.test(`at ${rate} calls a second, no call leaves after the deadline, however many wait for a slot`, async () => {
    const { read, sent, statistics, row, runUntil, clock } = setUp({ rate });
    const unsent: unknown[] = [];
    const untilUnsent = async () => {
      while (true) {
        try {
          await read();
        } catch (error) {
          return void unsent.push(error);
        }
      }
    };
    await runUntil(Promise.all(Array.from({ length: 75 }, untilUnsent)));
    assert.ok(Math.max(...sent) < 50_000, `the last call left at ${Math.max(...sent)} ms`);
    assert.ok(clock.monotonic() < 51_000, `the last caller heard of it at ${clock.monotonic()} ms`);
    assert.ok(unsent.length === 75 && unsent.every((it) => it instanceof UnsentCallError && it.why === "out_of_time"));
    assert.equal(statistics.calls, sent.length, "a call that was not sent is not counted");
    assert.ok(sent.length > 45 * rate * 0.9, `only ${sent.length} calls were sent`);
    assert.ok(row.reserved.every(({ at }) => at < 50_000), "slots were reserved after the deadline");
  });
}

Deno.test("who cannot be served in time hears it at once, and one reservation is enough to know", async () => {
  const { read, row, runUntil, clock, sent } = setUp();
  row.pausedUntil = 60_000;
  const said = await runUntil(Promise.allSettled(Array.from({ length: 10 }, () => read())));
  assert.deepEqual([said.every(({ status }) => status === "rejected"), clock.monotonic()], [true, 0]);
  assert.deepEqual([row.reserved.length, sent], [1, []]);
});

Deno.test("no slots are reserved that lie after the deadline: they would hold up the next run", async () => {
  const { read, row, runUntil } = setUp({ deadline: new Date(8_000) });
  await runUntil(Promise.allSettled(Array.from({ length: 300 }, () => read())));
  // Six seconds of them, and what is left of the eight.
  assert.deepEqual(row.reserved.map(({ count }) => count), [116, 41]);
});

Deno.test("who comes after the deadline reserves nothing", async () => {
  const { read, row, runUntil, clock } = setUp();
  await runUntil(clock.sleep(50_000));
  await assert.rejects(runUntil(read()), UnsentCallError);
  assert.deepEqual(row.reserved, []);
});

Deno.test("a deadline that passes while slots are being asked for is a lack of time, not a broken budget", async () => {
  const { clock, runUntil } = virtualTime();
  const { row, reserve } = sharedRow(clock);
  // The last millisecond before the deadline, and the deadline from the second look on.
  let looks = 0;
  const onEdge = { ...clock, now: () => new Date(looks++ === 0 ? 49_999 : 50_000) };
  const { read } = isolate({ clock: onEdge, reserve, deadline: DEADLINE, wire: () => Promise.resolve(new Response()) });
  await assert.rejects(runUntil(read()), { name: "UnsentCallError", why: "out_of_time" });
  assert.deepEqual(row.reserved, [{ at: 0, count: 1 }]);
});
