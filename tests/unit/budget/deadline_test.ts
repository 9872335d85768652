import assert from "node:assert/strict";
import { UnsentCallError } from "../../../functions/_shared/errors.ts";
import { callers, isolate, sharedRow, virtualTime } from "./virtual-time.ts";

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

Deno.test("a caller that gives up hears it at once: waiting for a slot, for its turn, or for a seat", async () => {
  const { read, sent, statistics, row, runUntil, clock } = setUp({ latencyMs: 5_000 });
  row.pausedUntil = 3_000;
  const patience = new AbortController();
  const given = Array.from({ length: 15 }, () => read(patience.signal));
  const others = callers(5, 1, read);
  const waited = clock.sleep(1_000).then(() => patience.abort());
  const said = await runUntil(Promise.allSettled(given));
  await waited;
  assert.equal(clock.monotonic(), 1_000);
  assert.ok(said.every((it) => it.status === "rejected" && it.reason instanceof UnsentCallError));
  await runUntil(others);
  // Nobody's slot was lost: the first of the others took the first one.
  assert.deepEqual([sent.length, sent[0], statistics.calls], [5, 3_000, 5]);
});

Deno.test("a seat that is offered to somebody who gives up at that moment goes to the next one", async () => {
  const { clock, runUntil } = virtualTime();
  const { reserve } = sharedRow(clock, { rate: 1_000 });
  const answers: (() => void)[] = [];
  const wire = () => new Promise<Response>((answer) => answers.push(() => answer(new Response("{}"))));
  const { read } = isolate({ clock, reserve, wire });
  const first = callers(10, 1, read);
  while (answers.length < 10) await runUntil(clock.sleep(10));
  const patience = new AbortController();
  const leaving = read(patience.signal).catch(() => {});
  const staying = read();
  answers[0]!();
  patience.abort();
  await leaving;
  for (const answer of answers.slice(1)) answer();
  while (answers.length < 11) await runUntil(clock.sleep(10));
  answers[10]!();
  await Promise.all([first, staying]);
});
