import assert from "node:assert/strict";
import { createSeats } from "../../../functions/_shared/budget/seats.ts";
import { UnsentCallError } from "../../../functions/_shared/errors.ts";
import { callers, isolate, sharedRow, virtualTime } from "./virtual-time.ts";

function setUp() {
  const { clock, runUntil } = virtualTime();
  const { row, reserve } = sharedRow(clock);
  const wire = () => clock.sleep(5_000).then(() => new Response("{}"));
  return { clock, runUntil, row, ...isolate({ clock, reserve, wire }) };
}

/** Ten callers fill the seats, and stay until they are told to go. */
async function fullHouse() {
  const { clock, runUntil } = virtualTime();
  const { reserve } = sharedRow(clock, { rate: 1_000 });
  const answers: (() => void)[] = [];
  const wire = () => new Promise<Response>((answer) => answers.push(() => answer(new Response("{}"))));
  const { read, sent } = isolate({ clock, reserve, wire });
  const first = callers(10, 1, read);
  const untilSent = async (count: number) => {
    for (let n = 0; n < 100 && sent.length < count; n++) await runUntil(clock.sleep(10));
    assert.equal(sent.length, count, "a seat stayed empty");
  };
  await untilSent(10);
  const end = async () => {
    for (const answer of answers) answer();
    await first;
  };
  return { read, sent, answers, untilSent, end };
}

Deno.test("a caller that gives up hears it at once: waiting for a slot, for its turn, or for a seat", async () => {
  const { read, sent, statistics, row, runUntil, clock } = setUp();
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
  const seats = createSeats(1);
  await seats.enter();
  const patience = new AbortController();
  const leaving = seats.enter(patience.signal);
  const staying = seats.enter().then(() => "seated");
  seats.leave();
  patience.abort();
  await assert.rejects(leaving, UnsentCallError);
  assert.equal(await Promise.race([staying, new Promise((resolve) => setTimeout(resolve, 100))]), "seated");
});

Deno.test("who gave up waiting for a seat is not offered one", async () => {
  const { read, answers, untilSent, end } = await fullHouse();
  const patience = new AbortController();
  const leaving = read(patience.signal).catch(() => {});
  const staying = read();
  patience.abort();
  await leaving;
  answers[0]!();
  await untilSent(11);
  await end();
  await staying;
});

Deno.test("a caller that gave up before it came waits for nothing", async () => {
  const { read, sent, end } = await fullHouse();
  const hearing = read(AbortSignal.abort()).then(() => "sent", (error) => error.why);
  assert.equal(await Promise.race([hearing, new Promise((resolve) => setTimeout(resolve, 100))]), "out_of_time");
  assert.equal(sent.length, 10);
  await end();
});
