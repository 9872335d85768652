import assert from "node:assert/strict";
import type { ClaimedOrder } from "../../../functions/_shared/orders.ts";
import type { IntentSlice, StripeGateway } from "../../../functions/_shared/stripe/gateway.ts";
import type { StripeIntent } from "../../../functions/_shared/stripe/objects.ts";
import {
  type IntentWindow,
  pagesOf,
  pagesWorthReading,
  windowsOf,
} from "../../../functions/_shared/stripe/page-plan.ts";
import { readInPages } from "../../../functions/_shared/stripe/read-in-pages.ts";

const NOON = Date.parse("2026-11-22T12:00:00Z");

/** Orders with one open intent each, created `apart` milliseconds from one another. */
function orders(
  count: number,
  { apart = 1_000, account = null as string | null, startsAt = NOON } = {},
): ClaimedOrder[] {
  return Array.from({ length: count }, (_, n) => ({
    id: `order-${n}`,
    attempt: 1,
    amount: 2000,
    currency: "eur",
    payments: [{
      id: `payment-${n}`,
      kind: "payment_intent",
      stripeId: `pi_${n}`,
      stripeAccount: account,
      state: "open",
      graceUntil: null,
      createdAt: new Date(startsAt + n * apart),
    }],
  }));
}

/** Stripe with these intents on its list; counts the calls. */
function stripe(ids: string[], { failing = false } = {}) {
  const calls = { pages: 0, reads: 0 };
  const newestFirst = [...ids].reverse();
  const gateway = {
    livemode: false,
    listIntents: ({ startingAfter, limit }: { startingAfter: string | null; limit: number }) => {
      calls.pages++;
      if (failing) return Promise.resolve({ ok: false, failure: {} });
      const start = startingAfter === null ? 0 : newestFirst.indexOf(startingAfter) + 1;
      const page = newestFirst.slice(start, start + limit);
      return Promise.resolve({
        ok: true,
        requestId: "req_page",
        object: {
          intents: page.map((id) => ({ id, capture_method: "automatic" }) as StripeIntent),
          malformed: [],
          hasMore: start + limit < newestFirst.length,
          lastId: page.at(-1) ?? null,
        },
      });
    },
    readIntent: ({ id }: { id: string }) => {
      calls.reads++;
      return Promise.resolve({ ok: true, object: { id } as StripeIntent, requestId: "req_one" });
    },
  } as unknown as StripeGateway;
  return { gateway, calls };
}

async function readAll(claimed: ClaimedOrder[], gateway: StripeGateway, known: number) {
  const paged = await readInPages(claimed, {
    gateway,
    clock: () => new Date(NOON),
    countIntents: (windows) => Promise.resolve(windows.map(() => Math.ceil(known / windows.length))),
  });
  const ids = claimed.flatMap(({ payments }) => payments.map(({ stripeId }) => stripeId));
  const replies = await Promise.all(ids.map((id) => paged.readIntent({ id, account: null })));
  assert.deepEqual(replies.map((reply) => reply.ok && reply.object.id), ids, "every intent is read, and as itself");
  return paged;
}

Deno.test("fifty intents created close together are read with one page", async () => {
  const claimed = orders(50);
  const { gateway, calls } = stripe(claimed.map((_, n) => `pi_${n}`));
  await readAll(claimed, gateway, 50);
  assert.deepEqual(calls, { pages: 1, reads: 0 });
});

Deno.test("where the window is full of other intents, reading one by one is cheaper and is chosen", async () => {
  const claimed = orders(20);
  const { gateway, calls } = stripe(claimed.map((_, n) => `pi_${n}`));
  await readAll(claimed, gateway, 5_000);
  assert.deepEqual(calls, { pages: 0, reads: 20 });
});

Deno.test("pages are never planned for more than half the calls that single reads need", () => {
  for (
    const [wanted, known, pages] of [[3, 50, 1], [2, 2, 1], [50, 2_500, 25], [50, 2_501, 0], [1, 1, 0], [
      100,
      0,
      1,
    ]] as const
  ) {
    const stripeIds = Array.from({ length: wanted }, String);
    assert.equal(pagesWorthReading({ stripeIds }, known), pages, `${wanted} wanted among ${known}`);
  }
});

Deno.test("intents that lie alone are read one by one", async () => {
  const claimed = orders(5, { apart: 3_600_000 });
  assert.deepEqual(windowsOf(claimed), []);
  const { gateway, calls } = stripe(claimed.map((_, n) => `pi_${n}`));
  await readAll(claimed, gateway, 5);
  assert.deepEqual(calls, { pages: 0, reads: 5 });
});

Deno.test("each account has windows of its own", () => {
  const claimed = [...orders(3), ...orders(3, { account: "acct_1" })];
  assert.deepEqual(windowsOf(claimed).map(({ account, stripeIds }) => [account, stripeIds.length]), [[null, 3], [
    "acct_1",
    3,
  ]]);
});

Deno.test("intents missing on the pages are read one by one, and paging stops as planned", async () => {
  const claimed = orders(40);
  const { gateway, calls } = stripe(Array.from({ length: 1_000 }, (_, n) => `pi_other_${n}`));
  await readAll(claimed, gateway, 40);
  assert.deepEqual(calls, { pages: 1, reads: 40 });
});

Deno.test("a page that fails costs nothing but itself", async () => {
  const claimed = orders(10);
  const { gateway, calls } = stripe([], { failing: true });
  await readAll(claimed, gateway, 10);
  assert.deepEqual(calls, { pages: 1, reads: 10 });
});

Deno.test("a second look at an intent asks Stripe again: the page is old by then", async () => {
  const claimed = orders(10);
  const { gateway, calls } = stripe(claimed.map((_, n) => `pi_${n}`));
  const paged = await readAll(claimed, gateway, 10);
  await paged.readIntent({ id: "pi_3", account: null });
  assert.equal(calls.reads, 1);
});

/** Stripe's list of intents created `apart` milliseconds from one another, the wanted ones among others; pages wait for `release`. */
function list({ from, count, apart }: { from: number; count: number; apart: number }, wanted: Map<number, string>) {
  const created = Array.from({ length: count }, (_, n) => ({
    id: wanted.get(n) ?? `pi_other_${n}`,
    at: Math.floor((from + n * apart) / 1_000) * 1_000,
  })).reverse();
  const asked: IntentSlice[] = [];
  const reads: string[] = [];
  let release = () => {};
  const released = new Promise<void>((resolve) => release = resolve);
  const gateway = {
    listIntents: async (slice: IntentSlice) => {
      asked.push(slice);
      await released;
      const inSlice = created.filter(({ at }) => at >= slice.createdGte.getTime() && at < slice.createdLt.getTime());
      const rest = inSlice.slice(inSlice.findIndex(({ id }) => id === slice.startingAfter) + 1);
      const page = rest.slice(0, slice.limit);
      const intents = page.map(({ id }) => ({ id, capture_method: "automatic" }) as StripeIntent);
      const object = { intents, malformed: [], hasMore: rest.length > slice.limit, lastId: page.at(-1)?.id ?? null };
      return { ok: true, requestId: null, object };
    },
    readIntent: ({ id }: { id: string }) => {
      reads.push(id);
      return Promise.resolve({ ok: true, object: { id }, requestId: null });
    },
  } as unknown as StripeGateway;
  const knownIn = ({ from, to }: { from: Date; to: Date }) =>
    created.filter(({ at }) => at >= from.getTime() && at < to.getTime()).length;
  return { gateway, asked, reads, release, countIntents: (w: IntentWindow[]) => Promise.resolve(w.map(knownIn)) };
}

Deno.test("all pages of a stretch are asked for at the same time, and show every intent of it", async () => {
  const claimed = orders(100);
  // Customers before and after them, one a second as well.
  const wanted = new Map(claimed.map(({ payments }, n) => [n + 200, payments[0]!.stripeId]));
  const { gateway, asked, reads, release, countIntents } = list(
    { from: NOON - 200_000, count: 500, apart: 1_000 },
    wanted,
  );
  const reading = readInPages(claimed, { gateway, countIntents, clock: () => new Date(NOON) });
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(asked.length, 2, "the second page does not wait for the first");
  release();
  const paged = await reading;
  for (const { payments } of claimed) await paged.readIntent({ id: payments[0]!.stripeId, account: null });
  assert.deepEqual([asked.length, reads], [2, []]);
});

Deno.test("an intent attached long after it was made is found on another window's page", async () => {
  const claimed = orders(60);
  // Four customers a second. The 40th order's was attached 25 seconds after it was made.
  const wanted = new Map(claimed.map(({ payments }, n) => [n === 40 ? 61 : n * 4, payments[0]!.stripeId]));
  const { gateway, asked, reads, release, countIntents } = list({ from: NOON, count: 240, apart: 250 }, wanted);
  release();
  const paged = await readInPages(claimed, { gateway, countIntents, clock: () => new Date(NOON) });
  for (const { payments } of claimed) await paged.readIntent({ id: payments[0]!.stripeId, account: null });
  assert.deepEqual([asked.length, reads], [3, []]);
});

Deno.test("windows of one stretch adjoin, and none of them is large", () => {
  const windows = windowsOf(orders(50));
  assert.deepEqual(windows.map(({ stripeIds }) => stripeIds.length), [20, 20, 10]);
  assert.deepEqual(windows.slice(1).map(({ to }) => to), windows.slice(0, -1).map(({ from }) => from));
  assert.deepEqual([windows[0]!.to, windows.at(-1)!.from], [new Date(NOON + 49_000 + 6_000), new Date(NOON - 30_000)]);
});

Deno.test("windows are cut between seconds only: a page of one of them shows the whole second or nothing of it", () => {
  const windows = windowsOf(orders(60, { apart: 30, startsAt: NOON + 10 }));
  assert.deepEqual(windows.map(({ stripeIds }) => stripeIds.length), [27, 33]);
  assert.deepEqual(windows[0]!.from, new Date(NOON + 1_000));
});

Deno.test("intents of one busy second are read page by page until the wanted ones are found", async () => {
  const claimed = orders(100, { apart: 1, startsAt: NOON + 500 });
  // Two hundred customers a second; the wanted ones come one after the other in the middle of it.
  const wanted = new Map(claimed.map(({ payments }, n) => [2_050 + n, payments[0]!.stripeId]));
  const { gateway, asked, reads, release, countIntents } = list(
    { from: NOON - 10_000, count: 2_300, apart: 5 },
    wanted,
  );
  release();
  const paged = await readInPages(claimed, { gateway, countIntents, clock: () => new Date(NOON) });
  for (const { payments } of claimed) await paged.readIntent({ id: payments[0]!.stripeId, account: null });
  assert.deepEqual([asked.length, reads], [3, []]);
});

Deno.test("a page is put together from adjoining windows until it is nearly full, and never across a gap", () => {
  const windows = [...windowsOf(orders(60)), ...windowsOf(orders(10, { startsAt: NOON - 3_600_000 }))];
  const sizes = (known: number[]) => pagesOf(windows, known).map(({ stripeIds, pages }) => [stripeIds.length, pages]);
  assert.deepEqual(sizes([30, 30, 30, 10]), [[60, 1], [10, 1]]);
  assert.deepEqual(sizes([30, 30, 31, 10]), [[40, 1], [20, 1], [10, 1]]);
  assert.deepEqual(sizes([91, 500, 1_001, 10]), [[20, 1], [20, 5], [10, 1]], "one by one where that needs fewer calls");
});
