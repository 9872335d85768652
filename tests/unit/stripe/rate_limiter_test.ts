import assert from "node:assert/strict";
import fc from "fast-check";
import { RateLimiter } from "../../../functions/_shared/stripe/rate-limiter.ts";
import { Semaphore } from "../../../functions/_shared/stripe/pace.ts";
import { peakOf } from "./virtual-time.ts";

/** When payments start from one moment to another, if there is always one more that waits. */
function starts(
  limiter: RateLimiter,
  { from = 0, to, cost = 1 }: { from?: number; to: number; cost?: number },
): number[] {
  const times: number[] = [];
  for (let now = from; now < to; now += limiter.untilNextBurst(now)) {
    while (limiter.mayStart(now)) {
      limiter.debit(cost, now);
      times.push(now);
    }
  }
  return times;
}

Deno.test("twenty payments a second start in bursts of five, four times a second", () => {
  const times = starts(new RateLimiter(20, 0), { to: 1_000 });
  assert.deepEqual(times, [0, 250, 500, 750].flatMap((at) => Array(5).fill(at)));
});

for (const perSecond of [0.5, 1, 3, 6, 7, 12, 20, 33]) {
  Deno.test(`at ${perSecond} payments a second, that many start, and no second has a whole payment more`, () => {
    const times = starts(new RateLimiter(perSecond, 0), { to: 60_000 });
    assert.ok(Math.abs(times.length - perSecond * 60) <= perSecond / 4 + 1, `${times.length} in a minute`);
    assert.ok(peakOf(times) <= perSecond + 1, `${peakOf(times)} in one second`);
  });
}

Deno.test("an expensive call delays the next one", () => {
  assert.equal(starts(new RateLimiter(20, 0), { to: 10_000, cost: 2 }).length, 100);
  const limiter = new RateLimiter(20, 0);
  starts(limiter, { to: 250 });
  limiter.debit(10, 250);
  assert.deepEqual(starts(limiter, { from: 250, to: 1_000 })[0], 750);
});

Deno.test("after any pause, at most one burst is available", () => {
  const limiter = new RateLimiter(20, 0);
  const times = starts(limiter, { from: 60_000, to: 61_000 });
  assert.equal(times.filter((at) => at === 60_000).length, 5);
  assert.ok(peakOf(times) <= 20);
});

Deno.test("a late burst postpones the next one, so that two never coincide", () => {
  const times = starts(new RateLimiter(20, 0), { from: 240, to: 800 });
  assert.deepEqual(times, [240, 490, 740].flatMap((at) => Array(5).fill(at)));
});

Deno.test("whenever payments come and whatever they cost, no second sees more than a burst above the rate", () => {
  const anyArrival = fc.record({ after: fc.integer({ min: 0, max: 900 }), count: fc.integer({ min: 1, max: 30 }) });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.array(anyArrival, { minLength: 1, maxLength: 30 }),
      (rate, arrivals) => {
        const limiter = new RateLimiter(rate, 0);
        const times: number[] = [];
        let now = 0;
        let waiting = 0;
        const start = () => {
          for (; waiting > 0 && limiter.mayStart(now); waiting--) {
            limiter.debit(1, now);
            times.push(now);
          }
        };
        for (const { after, count } of arrivals) {
          const until = now + after;
          for (start(); waiting > 0 && now + limiter.untilNextBurst(now) < until; start()) {
            now += limiter
              .untilNextBurst(now);
          }
          now = until;
          waiting += count;
          start();
        }
        assert.ok(peakOf(times) <= rate + rate / 4 + 1, `${peakOf(times)} in one second`);
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("a refusal pauses for a second and halves the rate, and each clean second gives one payment back", () => {
  const limiter = new RateLimiter(20, 0);
  starts(limiter, { to: 5_000 });
  limiter.slowDown(5_000, 4_900);
  assert.equal(limiter.perSecond, 10);
  const times = starts(limiter, { from: 5_000, to: 20_000 });
  assert.equal(times[0], 6_000);
  const inSecond = (n: number) => times.filter((at) => at >= n * 1_000 && at < (n + 1) * 1_000).length;
  assert.ok(inSecond(6) <= 11 && inSecond(12) <= 18, `${inSecond(6)}, ${inSecond(12)}`);
  assert.equal(limiter.perSecond, 20);
});

Deno.test("refusals of one burst count once, a refusal after the pause counts again, and the rate never reaches zero", () => {
  const limiter = new RateLimiter(20, 0);
  for (const sentAt of [4_900, 4_950, 5_000]) limiter.slowDown(5_000, sentAt);
  limiter.slowDown(5_800, 5_700);
  assert.equal(limiter.perSecond, 10);
  for (let now = 6_100; now < 60_000; now += 1_200) limiter.slowDown(now, now - 50);
  assert.equal(limiter.perSecond, 0.5);
  assert.ok(starts(limiter, { from: 61_000, to: 70_000 }).length > 0);
});

Deno.test("a new rate counts from now on, and does not undo a slowdown", () => {
  const limiter = new RateLimiter(20, 0);
  limiter.setRate(12);
  assert.equal(starts(limiter, { from: 250, to: 10_250 }).length, 120);
  limiter.slowDown(10_250, 10_200);
  limiter.setRate(20);
  assert.equal(limiter.perSecond, 6);
  limiter.setRate(4);
  assert.equal(limiter.perSecond, 4);
});

Deno.test("a semaphore admits its limit, halves it after a refusal down to one, and restores one per second", () => {
  const semaphore = new Semaphore(4);
  for (let n = 0; n < 4; n++) semaphore.acquire();
  assert.equal(semaphore.hasRoom(0), false);
  semaphore.release();
  assert.equal(semaphore.hasRoom(0), true);
  semaphore.halve(1_000, 900);
  semaphore.halve(1_000, 950);
  semaphore.release();
  assert.equal(semaphore.hasRoom(1_000), false, "two are inside");
  semaphore.release();
  assert.equal(semaphore.hasRoom(1_000), true);
  for (let now = 1_100; now < 1_200; now += 10) semaphore.halve(now, now);
  assert.equal(semaphore.hasRoom(1_200), false, "one is inside");
  assert.equal(semaphore.hasRoom(2_200), true);
});
