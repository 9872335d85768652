import assert from "node:assert/strict";
import { createDatabaseTime } from "../../../functions/_shared/budget/database-time.ts";
import { isolate, sharedRow, virtualTime, type Way } from "./virtual-time.ts";

const NOON = Date.parse("2026-11-22T12:00:00Z");
/** A database whose clock shows noon when the process's own shows 0; it is asked, reads its clock, and its answer comes. */
const reply = (askedAt: number, readAt: number, answeredAt: number, setBy = 0) => ({
  now: new Date(NOON + setBy + readAt),
  askedAt,
  answeredAt,
});

Deno.test("a single reply says that the database read its clock between the question and the answer", () => {
  assert.deepEqual(createDatabaseTime().momentOf(reply(100, 150, 400)), { earliest: 100, latest: 400 });
});

Deno.test("a quick reply places a slow one, whether that waited before it was executed or after", () => {
  for (const readAt of [1_010, 2_000, 2_990]) {
    const time = createDatabaseTime();
    time.momentOf(reply(100, 105, 110));
    // As close as the quick one, but for the millisecond that a Date may have dropped.
    assert.deepEqual(time.momentOf(reply(1_000, readAt, 3_000)), { earliest: readAt - 6, latest: readAt + 6 });
  }
});

Deno.test("two replies say more than either: one waited before it was executed, the other after", () => {
  const time = createDatabaseTime();
  time.momentOf(reply(100, 595, 600));
  assert.deepEqual(time.momentOf(reply(1_000, 1_005, 1_500)), { earliest: 1_000, latest: 1_011 });
});

Deno.test("a clock that was set, back or ahead, is known anew with the next reply, and then better with each", () => {
  for (const setBy of [-3_600_000, -2_000, 2_000, 3_600_000]) {
    const time = createDatabaseTime();
    time.momentOf(reply(100, 105, 110));
    assert.deepEqual(time.momentOf(reply(1_000, 1_100, 1_400, setBy)), { earliest: 1_000, latest: 1_400 });
    assert.deepEqual(time.momentOf(reply(2_000, 2_005, 2_010, setBy)), { earliest: 2_000, latest: 2_010 });
    assert.deepEqual(time.momentOf(reply(3_000, 3_900, 4_000, setBy)), { earliest: 3_894, latest: 3_906 });
  }
});

Deno.test("quick replies that differ by what a Date drops do not contradict each other", () => {
  const time = createDatabaseTime();
  for (const readAt of [100, 200.9, 300.1, 400.999, 500.5]) {
    const { earliest, latest } = time.momentOf(reply(readAt, readAt, readAt));
    assert.ok(earliest <= readAt && readAt <= latest, `${readAt} is not between ${earliest} and ${latest}`);
  }
  // Had one of them been believed alone, the others would be forgotten.
  const { earliest, latest } = time.momentOf(reply(1_000, 1_500, 2_000));
  assert.ok(latest - earliest < 1.2, `between ${earliest} and ${latest}`);
});

Deno.test("a database that does not tell its time is taken to have read its clock when it was asked", () => {
  const time = createDatabaseTime();
  assert.deepEqual(time.momentOf({ askedAt: 100, answeredAt: 400 }), { earliest: 100, latest: 100 });
  assert.deepEqual(time.momentOf({ now: undefined, askedAt: 500, answeredAt: 510 }), { earliest: 500, latest: 500 });
});

/** Ten calls to each of two endpoints, one after the other, of an isolate that is so far from the database. */
async function tenCallsTwice(ways: Way[], tellsTime = true) {
  const { clock, runUntil } = virtualTime();
  const { row, over } = sharedRow(clock, { tellsTime });
  const reserve = (...[endpoint, count]: Parameters<ReturnType<typeof over>>) => over(ways.shift()!)(endpoint, count);
  const { budget } = isolate({ clock, reserve, wire: () => Promise.resolve(new Response("{}")) });
  const times: number[] = [];
  for (const endpoint of ["payment_intents.retrieve", "payment_intents.cancel"]) {
    let left = 10;
    const call = () => budget.acquire(endpoint, { demand: () => left, served: () => void left-- });
    await runUntil(Promise.all(Array.from({ length: 10 }, () => call().then(() => times.push(clock.monotonic())))));
  }
  return { counts: row.reserved.map(({ count }) => count), secondBegan: times[10]! };
}

Deno.test("what one endpoint's reply told places the blocks of another", async () => {
  // The second reservation waits for two seconds; the first one's block is over by then.
  const known = await tenCallsTwice([{ there: () => 2 }, { there: () => 2_000 }]);
  assert.deepEqual(known.counts, [10, 10], "no slot was given up");
});

Deno.test("slots that may lie in another isolate's block are given up, and as many more asked for", async () => {
  const slow: Way = { there: () => 300 };
  const { counts } = await tenCallsTwice([slow, slow, slow, slow]);
  // Of 300 ms (and one) 125 are tolerated; 51.4 ms to a slot.
  assert.deepEqual(counts.slice(0, 2), [10, 8]);
});
