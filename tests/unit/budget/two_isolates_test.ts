import assert from "node:assert/strict";
import { seededRandom } from "../../../local/stripe-simulator/random.ts";
import { callers, isolate, peakOf, sharedRow, virtualTime, type Way } from "./virtual-time.ts";

/** What Stripe allows an endpoint in a second; the budget is 20. */
const STRIPE_ALLOWS = 25;

function setUp({ answersAfter = 0, tellsTime = true } = {}) {
  const { clock, runUntil } = virtualTime();
  const { row, over } = sharedRow(clock, { tellsTime });
  const open = (latencyMs: (call: number) => number, way: Way = { back: () => answersAfter }) => {
    const it = isolate({ clock, reserve: over(way), wire: () => clock.sleep(latencyMs(it.sent.length)).then(reply) });
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
  for (const [answersAfter, tellsTime] of [300, 900, 2_500].flatMap((ms) => [[ms, true], [ms, false]] as const)) {
    const { runUntil, open, row, clock } = setUp({ answersAfter, tellsTime });
    const { read, sent } = open(() => 100);
    await runUntil(callers(1, 5, read));
    assert.equal(sent.length, 5);
    assert.ok(row.reserved.length <= 12, `${row.reserved.length} reservations for 5 calls`);
    await runUntil(callers(50, 2, read));
    assert.equal(sent.length, 105);
    assert.ok(clock.monotonic() < answersAfter * 20 + 10_000, `it took ${clock.monotonic()} ms`);
  }
});

/** Mostly at hand, and now and then as long away as a pool of connections lets a call wait. */
function spikes(seed: number): () => number {
  const random = seededRandom(seed);
  return () => random() < 0.3 ? 500 + random() * 1_500 : 2 + random() * 30;
}

function growing(by: number): () => number {
  let ms = 0;
  return () => ms = Math.min(ms + by, 4_000);
}

const near = () => 4;

for (
  const [name, ways] of [
    ["one's reservations wait 500 ms", () => [{ there: () => 500 }, { back: near }]],
    ["one's reservations wait 2 s", () => [{ there: () => 2_000 }, {}]],
    ["both ones' reservations wait 1 s", () => [{ there: () => 1_000 }, { there: () => 1_000 }]],
    ["one's reservations wait 2 s and the other's answers 2 s", () => [{ there: () => 2_000 }, { back: () => 2_000 }]],
    ["one's reservations wait longer and longer", () => [{ there: growing(150) }, { back: near }]],
    ["one's answers come later and later", () => [{ back: growing(150) }, { there: near }]],
    ...[1, 2, 3, 4, 5].flatMap((seed): [string, () => [Way, Way]][] => [
      [`one's reservations wait now and then (${seed})`, () => [{ there: spikes(seed) }, { back: near }]],
      [
        `both ones' reservations wait now and then (${seed})`,
        () => [{ there: spikes(seed) }, { there: spikes(-seed) }],
      ],
      [`both ones' reservations and answers wait now and then (${seed})`, () => [
        { there: spikes(seed), back: spikes(10 + seed) },
        { there: spikes(20 + seed), back: spikes(30 + seed) },
      ]],
    ]),
  ] satisfies [string, () => [Way, Way]][]
) {
  Deno.test(`two isolates together stay below what Stripe allows where ${name}`, async () => {
    for (const [count, each] of [[75, 14], [5, 60], [25, 20]] as const) {
      const { clock, runUntil, open } = setUp();
      const [a, b] = ways().map((way) => open(() => 100, way));
      const second = clock.sleep(50).then(() => callers(count, each, b!.read));
      await runUntil(Promise.all([callers(count, each, a!.read), second]));
      const sent = [...a!.sent, ...b!.sent];
      assert.ok(peakOf(sent) <= STRIPE_ALLOWS, `${peakOf(sent)} calls in one second`);
      assert.equal(sent.length, 2 * count * each);
    }
  });
}
