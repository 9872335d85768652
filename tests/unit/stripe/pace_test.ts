import assert from "node:assert/strict";
import {
  createPace,
  LIST_COST,
  type Pace,
  type PaceOptions,
  READ_COST,
} from "../../../functions/_shared/stripe/pace.ts";
import { peakOf, type VirtualTime, virtualTime } from "./virtual-time.ts";

const INTENT = "payment_intents.retrieve";
const CANCEL = "payment_intents.cancel";

function setUp(options: Partial<PaceOptions> = {}) {
  const time = virtualTime();
  const pace = createPace({ clock: time.clock, deadline: new Date(60_000), paymentsPerSecond: 20, ...options });
  return { ...time, pace };
}

/** So many payments, of one read that takes so long; when each read started, or null where it was not permitted. */
async function readAll(
  { pace, clock, runUntil }: { pace: Pace } & VirtualTime,
  { count, takes = 100, endpoint = INTENT, cost = READ_COST }: {
    count: number;
    takes?: number;
    endpoint?: string;
    cost?: number;
  },
): Promise<(number | null)[]> {
  return await runUntil(Promise.all(Array.from({ length: count }, async () => {
    if (await pace.acquire(endpoint, cost) !== "go") return null;
    const at = clock.monotonic();
    await clock.sleep(takes);
    pace.release();
    return at;
  })));
}

const isSent = (at: number | null) => at !== null;

Deno.test("waiting payments start in request order, in bursts", async () => {
  const times = await readAll(setUp(), { count: 12 });
  assert.deepEqual(times, [0, 0, 0, 0, 0, 250, 250, 250, 250, 250, 500, 500]);
});

Deno.test("a single payment starts at once", async () => {
  const all = setUp();
  await all.runUntil(all.clock.sleep(3_333));
  assert.deepEqual(await readAll(all, { count: 1 }), [3_333]);
});

Deno.test("a page of a list costs half a payment", async () => {
  const times = await readAll(setUp(), { count: 100, endpoint: "payment_intents.list", cost: LIST_COST });
  assert.ok(Math.max(...times.filter(isSent)) >= 3_000, "one endpoint's limit counts before that");
  const two = setUp();
  const [intents, sessions] = await Promise.all([
    readAll(two, { count: 20, endpoint: "payment_intents.list", cost: LIST_COST }),
    readAll(two, { count: 20, endpoint: "checkout.sessions.list", cost: LIST_COST }),
  ]);
  const last = Math.max(...intents.filter(isSent), ...sessions.filter(isSent));
  assert.ok(last >= 750 && last <= 1_000, `forty pages took ${last} ms`);
});

for (const shares of [[20], [16, 4], [12, 4, 4]]) {
  Deno.test(`no second sees more than 25 calls to one endpoint, at ${shares.join(" and ")} payments a second together`, async () => {
    const all = await Promise.all(shares.map((paymentsPerSecond) => {
      const lists = { count: 10 * paymentsPerSecond, endpoint: "payment_intents.list", cost: LIST_COST };
      return readAll(setUp({ paymentsPerSecond }), lists);
    }));
    const times = all.flat().filter(isSent);
    assert.equal(times.length, 200);
    assert.ok(peakOf(times) <= 25, `${peakOf(times)} calls in one second`);
  });
}

Deno.test("a higher rate, also one set later, raises the limits of endpoints and of calls in flight with it", async () => {
  for (const raisedLater of [false, true]) {
    const all = setUp({ paymentsPerSecond: raisedLater ? 20 : 400 });
    if (raisedLater) all.pace.setRate(400);
    const times = (await readAll(all, { count: 2_000, takes: 1_000 })).filter(isSent);
    assert.equal(times.length, 2_000);
    assert.ok(peakOf(times) > 350 && peakOf(times) <= 500, `${peakOf(times)} calls in one second`);
  }
});

Deno.test("a write that would be the 26th of its endpoint in a second is refused at once, and does not wait", () => {
  const { pace } = setUp();
  for (let n = 0; n < 25; n++) assert.equal(pace.tryAcquire(CANCEL), "go");
  assert.equal(pace.tryAcquire(CANCEL), "crowded");
  assert.equal(pace.tryAcquire("checkout.sessions.expire"), "go");
});

Deno.test("a write is sent while reads wait for the next burst, for room, or for the end of a pause", async () => {
  const all = setUp({ maxInFlight: 2 });
  const reading = readAll(all, { count: 8, takes: 1_000 });
  assert.equal(all.pace.tryAcquire(CANCEL), "go");
  all.pace.slowDown("rate", -1);
  assert.equal(all.pace.tryAcquire(CANCEL), "go");
  all.pace.release();
  all.pace.release();
  assert.deepEqual((await reading).slice(0, 2), [0, 0]);
});

Deno.test("a limited number of calls is in flight, and reads wait until there is room", async () => {
  const all = setUp({ maxInFlight: 4 });
  const times = (await readAll(all, { count: 20, takes: 1_000 })).filter(isSent);
  for (const start of times) {
    assert.ok(times.filter((at) => at <= start && at + 1_000 > start).length <= 4);
  }
});

Deno.test("a refusal for rate pauses waiting calls; a refusal for concurrency also reduces the number in flight", async () => {
  for (const limit of ["rate", "concurrency"] as const) {
    const all = setUp();
    const reading = readAll(all, { count: 60, takes: 2_000 });
    const refused = all.clock.sleep(600).then(() => all.pace.slowDown(limit, 550));
    const times = (await reading).filter(isSent);
    await refused;
    assert.deepEqual(times.filter((at) => at > 600 && at < 1_600), []);
    const underWay = (at: number) => times.filter((start) => start <= at && start + 2_000 > at).length;
    const peak = Math.max(...times.filter((at) => at > 3_000 && at < 4_000).map(underWay));
    assert.ok(limit === "rate" ? peak > 13 : peak <= 13, `${peak} under way after a refusal for ${limit}`);
  }
});

Deno.test("a refusal for concurrency also slows the pace, even while there is room", async () => {
  const all = setUp();
  const reading = readAll(all, { count: 60, takes: 10 });
  const refused = all.clock.sleep(600).then(() => all.pace.slowDown("concurrency", 550));
  const times = (await reading).filter(isSent);
  await refused;
  assert.deepEqual(times.filter((at) => at > 600 && at < 1_600), []);
});

for (const paymentsPerSecond of [1, 6, 20]) {
  Deno.test(`at ${paymentsPerSecond} payments a second, no call starts after the deadline, however many wait`, async () => {
    const all = setUp({ paymentsPerSecond, deadline: new Date(5_000) });
    const times = await readAll(all, { count: 200 });
    const sent = times.filter(isSent);
    assert.ok(Math.max(...sent) < 5_000);
    assert.ok(Math.abs(sent.length - paymentsPerSecond * 5) <= paymentsPerSecond / 4 + 1, `${sent.length} were sent`);
    assert.ok(all.clock.monotonic() <= 5_100, "who was too late hears it at the deadline");
    assert.equal(all.pace.tryAcquire(CANCEL), "out_of_time");
    assert.deepEqual(await readAll(all, { count: 1 }), [null]);
  });
}

Deno.test("a closed pace admits no call and rejects waiting calls at once", async () => {
  const all = setUp();
  const reading = readAll(all, { count: 30 });
  const closing = all.clock.sleep(300).then(() => {
    all.pace.close();
    assert.equal(all.pace.tryAcquire(CANCEL), "out_of_time");
  });
  const times = await reading;
  await closing;
  assert.equal(times.filter(isSent).length, 10);
  assert.ok(all.clock.monotonic() <= 400);
});

Deno.test("a new rate applies to waiting calls, once earlier calls leave room for it", async () => {
  const all = setUp();
  const reading = readAll(all, { count: 40 });
  const slower = all.clock.sleep(900).then(() => all.pace.setRate(4));
  const times = (await reading).filter(isSent);
  await slower;
  const inSecond = (n: number) => times.filter((at) => at >= n * 1_000 && at < (n + 1) * 1_000).length;
  assert.deepEqual([0, 1, 2, 3].map(inSecond), [20, 0, 4, 4]);
});

Deno.test("a failing clock is an error for waiting calls, and none waits forever", async () => {
  const { clock, pace } = setUp();
  clock.sleep = () => Promise.reject(new Error("no timers left"));
  const said = await Promise.allSettled(Array.from({ length: 7 }, () => pace.acquire(INTENT, READ_COST)));
  assert.deepEqual(said.map(({ status }) => status), [...Array(5).fill("fulfilled"), ...Array(2).fill("rejected")]);
});
