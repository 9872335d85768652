import assert from "node:assert/strict";
import { seededRandom } from "../../../local/stripe-simulator/random.ts";
import { UnsentCallError } from "../../../functions/_shared/errors.ts";
import type { ClaimedOrder } from "../../../functions/_shared/orders.ts";
import type { StripeGateway } from "../../../functions/_shared/stripe/gateway.ts";
import type { StripeIntent } from "../../../functions/_shared/stripe/objects.ts";
import { readInPages } from "../../../functions/_shared/stripe/read-in-pages.ts";

const NOON = Date.parse("2026-11-22T12:00:00Z");

/** Orders with one open intent each, all of one second, so that they are in one window. */
function orders(count: number, account: string | null = null): ClaimedOrder[] {
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
      createdAt: new Date(NOON),
    }],
  }));
}

/** The calls that reading `count` orders' intents takes, of whom each page shows so many; the database knows `known` in their second. */
async function callsFor(count: number, { known, shows, byHand = false }: {
  known: number;
  shows: (page: number) => number;
  byHand?: boolean;
}): Promise<{ pages: number; reads: number }> {
  const calls = { pages: 0, reads: 0 };
  const claimed = orders(count);
  const wanted = claimed.map(({ payments }) => payments[0]!.stripeId);
  const unseen = [...wanted];
  const gateway = {
    listIntents: () => {
      const ids = unseen.splice(0, shows(calls.pages++));
      const others = Array.from({ length: 100 - ids.length }, (_, n) => `pi_other_${calls.pages}_${n}`);
      const capture_method = byHand ? "manual" : "automatic";
      const intents = [...others, ...ids].map((id) => ({ id, capture_method }) as StripeIntent);
      return Promise.resolve({
        ok: true,
        requestId: null,
        object: { intents, malformed: [], hasMore: true, lastId: intents.at(-1)!.id },
      });
    },
    readIntent: ({ id }: { id: string }) => {
      calls.reads++;
      return Promise.resolve({ ok: true, object: { id }, requestId: null });
    },
  } as unknown as StripeGateway;
  const paged = await readInPages(claimed, {
    gateway,
    clock: () => new Date(NOON),
    countIntents: (windows) => Promise.resolve(windows.map(() => known)),
  });
  for (const id of wanted) await paged.readIntent({ id, account: null });
  return calls;
}

Deno.test("in an account full of intents that the database does not know, two pages are tried and no more", async () => {
  assert.deepEqual(await callsFor(60, { known: 3_000, shows: () => 0 }), { pages: 2, reads: 60 });
  assert.deepEqual(await callsFor(60, { known: 90, shows: () => 0 }), { pages: 1, reads: 60 });
});

Deno.test("intents that a page shows and that may not be served from it are no reason to read another", async () => {
  assert.deepEqual(await callsFor(60, { known: 3_000, shows: () => 10, byHand: true }), { pages: 2, reads: 60 });
});

Deno.test("pages are read on as long as they show what is wanted, also after one that showed nothing", async () => {
  assert.deepEqual(await callsFor(60, { known: 900, shows: (page) => page === 0 ? 0 : 10 }), { pages: 7, reads: 0 });
  assert.deepEqual(await callsFor(60, { known: 3_000, shows: () => 1 }), { pages: 30, reads: 30 });
});

Deno.test("whatever the pages show, they cost at most two calls more than single reads, and one where one was planned", async () => {
  const random = seededRandom(7);
  for (let n = 0; n < 300; n++) {
    const count = 3 + Math.floor(random() * 100);
    const known = Math.floor(random() * 60 * count);
    const density = random() * 4;
    const { pages, reads } = await callsFor(count, { known, shows: () => Math.floor(random() * density) });
    const atRisk = known <= 100 ? 1 : 2;
    assert.ok(pages + reads <= count + atRisk, `${pages} pages and ${reads} reads for ${count} among ${known}`);
  }
});

/** Windows of two accounts; `acct_broken` meets a budget that cannot be asked, and the other's pages wait for `release`. */
function twoWindows() {
  const failure = new UnsentCallError("budget", "Cannot reserve calls to Stripe: current value is away");
  const asked: (string | null)[] = [];
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const gateway = {
    listIntents: async ({ account }: { account: string | null }) => {
      asked.push(account);
      if (account === "acct_broken") throw failure;
      await released;
      const object = {
        intents: [{ id: "pi_0", capture_method: "automatic" }],
        malformed: [],
        hasMore: true,
        lastId: "x",
      };
      return { ok: true, requestId: null, object };
    },
  } as unknown as StripeGateway;
  const reading = readInPages([...orders(10, "acct_broken"), ...orders(10, "acct_whole")], {
    gateway,
    clock: () => new Date(NOON),
    countIntents: (windows) => Promise.resolve(windows.map(() => 500)),
  });
  return { reading, asked, release, failure };
}

Deno.test("where a page cannot be asked for, those under way end first, none is begun after, and then the failure is thrown", async () => {
  const { reading, asked, release, failure } = twoWindows();
  let over = false;
  const ended = reading.then(() => null, (error) => error).finally(() => over = true);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(over, false, "the run was told before its calls were over");
  release();
  assert.equal(await ended, failure);
  assert.deepEqual(asked, ["acct_broken", "acct_whole"]);
});
