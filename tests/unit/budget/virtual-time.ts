import { setImmediate } from "node:timers";
import { createBudgetedFetch } from "../../../functions/_shared/budget/budgeted-fetch.ts";
import { type CallBudgetOptions, createCallBudget } from "../../../functions/_shared/budget/call-budget.ts";

/** Time that passes only when everybody sleeps, and as much of it as the next sleeper asked for. */
export function virtualTime() {
  let now = 0;
  const sleepers: { at: number; wake: () => void }[] = [];
  const sleep = (ms: number) => new Promise<void>((wake) => sleepers.push({ at: now + ms, wake }));
  return {
    clock: { now: () => new Date(now), monotonic: () => now, sleep },
    async runUntil<T>(done: Promise<T>): Promise<T> {
      let settled = false;
      done.finally(() => settled = true).catch(() => {});
      while (true) {
        // A turn of the real event loop lets every promise that can settle do so.
        await new Promise((resolve) => setImmediate(resolve));
        if (settled) return await done;
        const next = sleepers.sort((a, b) => a.at - b.at).shift();
        if (next === undefined) throw new Error("Cannot go on: nobody sleeps and nothing is done");
        now = Math.max(now, next.at);
        next.wake();
      }
    },
  };
}

export type Clock = ReturnType<typeof virtualTime>["clock"];

/** Milliseconds that the isolate's next reservation takes to be executed, as where it waits for a connection, and its answer to come. */
export type Way = { there?: () => number; back?: () => number };

/** When this process's monotonic clock shows 0, in the time of the database. */
const DATABASE_AT_0 = Date.parse("2026-11-28T14:00:00.123Z");

/** One endpoint's row of the call budget, as every isolate sees it: one block after the other, six seconds long at the most. */
export function sharedRow({ monotonic, sleep }: Clock, { rate = 20, answersAfter = 0, tellsTime = true } = {}) {
  const row = { rate, nextSlot: 0, pausedUntil: 0, reserved: [] as { at: number; count: number }[] };
  /** A reservation of an isolate that is so far from the database. */
  const over = ({ there, back }: Way): CallBudgetOptions["reserve"] => async (_endpoint, asked) => {
    if (there) await sleep(there());
    const at = monotonic();
    const intervalMs = 1_028 / row.rate;
    const count = Math.min(asked, Math.max(1, Math.floor(6_000 / intervalMs)));
    const startsAt = Math.max(at, row.nextSlot, row.pausedUntil);
    row.nextSlot = startsAt + count * intervalMs;
    row.reserved.push({ at, count });
    if (back) await sleep(back());
    const now = tellsTime ? { now: new Date(DATABASE_AT_0 + at) } : {};
    return {
      count,
      startsInMs: startsAt - at,
      intervalMs,
      perSecond: Math.floor(row.rate),
      accountPerSecond: 50,
      ...now,
    };
  };
  return { row, over, reserve: over(answersAfter > 0 ? { back: () => answersAfter } : {}) };
}

type Isolate = {
  clock: Clock;
  reserve: CallBudgetOptions["reserve"];
  report?: CallBudgetOptions["report"];
  deadline?: Date;
  /** Calls of the same endpoint that are still to come. */
  expected?: () => number;
  /** Answers of Stripe. */
  wire: () => Promise<Response>;
};

/** One isolate's way to Stripe, and when its calls left. */
export function isolate(
  { clock, reserve, report = () => Promise.resolve(), deadline, expected = () => 0, wire }: Isolate,
) {
  const sent: number[] = [];
  const statistics = { calls: 0, throttled: 0, callsByEndpoint: {} };
  const budget = createCallBudget({ clock, reserve, report, deadline: deadline ?? new Date(8.64e15) });
  const fetch = createBudgetedFetch({
    budget,
    expected: { of: expected },
    statistics,
    timeoutMs: 3_600_000,
    fetch: () => {
      sent.push(clock.monotonic());
      return wire();
    },
  });
  const read = (signal?: AbortSignal) =>
    fetch("https://stripe.test/v1/payment_intents/pi_1", signal ? { signal } : undefined);
  return { read, sent, statistics, budget };
}

/** The most calls in any one second. */
export function peakOf(times: number[]): number {
  return Math.max(...times.map((start) => times.filter((time) => time >= start && time < start + 1_000).length));
}

/** So many callers, each of whom makes so many calls, one after the other. */
export function callers(count: number, each: number, call: () => Promise<unknown>): Promise<unknown> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      for (let n = 0; n < each; n++) await call();
    }),
  );
}
