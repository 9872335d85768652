// What no simulation in one process shows: the function's own process killed, on the whole stack.

import assert from "node:assert/strict";
import type { RunReport } from "../../functions/_shared/run/report.ts";
import { seededRandom } from "../../local/stripe-simulator/random.ts";
import { type Shop, withShop } from "../integration/support.ts";
import { assertAtRest } from "../oracle/at-rest.ts";
import type { JobName } from "./support/bench.ts";
import { lengthOf, report } from "./support/length.ts";
import { DAY, MINUTE } from "./support/time.ts";

const ON_HAND = { tea: 100_000, mug: 100_000 };
const ORDERS = 60;
const SHOPS = lengthOf({ bounded: 1, long: 15 });
/** Fewer than the lapsed claims after which an order is quarantined, as it might be what kills the runs. */
const TIMES = 4;
/** LAPSE_PROOF_SEED repeats the moments; what the machine was doing at each of them it cannot repeat. */
const seed = Number(Deno.env.get("LAPSE_PROOF_SEED") ?? 20261122);

/** Work for one job, and what has to have become of it. */
type Work = { job: JobName; fill(shop: Shop): Promise<() => Promise<void>> };

const WORK: Work[] = [
  { job: "expire-stale-orders", fill: placeOrders },
  { job: "cleanup-stale-payment-intents", fill: leavePayments },
];

for (const { job, fill } of WORK) {
  Deno.test(`${job}: SIGKILL of the function at random moments, and the runs after it finish its work`, async () => {
    const random = seededRandom(seed);
    let met = 0;
    for (let n = 0; n < SHOPS; n++) {
      await withShop({}, async (shop) => {
        const assertDone = await fill(shop);
        // Slow enough to interrupt a run in the middle.
        shop.stripe.setLatency({ latencyMs: [10, 60] });
        for (let time = 0; time < TIMES; time++) await killAfter(shop, { job, ms: random() * 250 });
        await finish(shop, job);
        await assertDone();
        const [struck] = await shop.sql<{ n: number }[]>`
          select count(*)::int as n from lapse.runs where status in ('lost', 'failed')`;
        assert.ok(struck!.n > 0, `with seed ${seed} no run was struck in the middle`);
        met += struck!.n;
        await assertAtRest({ sql: shop.sql, stripe: shop.stripe, onHand: ON_HAND });
      });
    }
    report(`${job}: ${SHOPS} times ${TIMES} times SIGKILL, ${met} of them in the middle of a run, seed ${seed}`);
  });
}

/** Paid, unpaid and unpayable orders, so that a run has something of everything under way. */
async function placeOrders(shop: Shop): Promise<() => Promise<void>> {
  await shop.placeUnpaidOrders(ORDERS / 2);
  for (let n = 0; n < ORDERS / 6; n++) {
    await shop.placeOrder();
    await shop.addIntent(await shop.placeOrder(), { status: "succeeded" });
    await shop.addSession(await shop.placeOrder());
  }
  return async () => {
    const counts = await shop.sql<{ status: string; n: number }[]>`
      select status, count(*)::int as n from lapse.orders group by status order by status`;
    assert.deepEqual(Object.fromEntries(counts.map(({ status, n }) => [status, n])), {
      expired: ORDERS * 5 / 6,
      paid: ORDERS / 6,
    });
  };
}

/** Old payments of paid orders, as the second tab of a browser leaves them, and some that the shop never attached. */
async function leavePayments(shop: Shop): Promise<() => Promise<void>> {
  const intent = { amount: 2000, created: Math.floor((Date.now() - 10 * DAY) / 1_000) };
  const stale: string[] = [];
  for (let n = 0; n < ORDERS / 3; n++) {
    const orderId = await shop.placeOrder({ minutesAgo: 11 * DAY / MINUTE, expiresInMinutes: 60 });
    const paid = await shop.addIntent(orderId, { ...intent, status: "succeeded" });
    stale.push(await shop.addIntent(orderId, intent));
    await shop.sql`select public.lapse_mark_paid(p_ref => ${orderId}, p_stripe_id => ${paid})`;
    stale.push(...shop.stripe.createPaymentIntents([{ ...intent, metadata: { order_id: orderId } }]));
  }
  // The list is read from the oldest open order on.
  await shop.placeOrder({ minutesAgo: 11 * DAY / MINUTE, expiresInMinutes: 60 });
  return async () => {
    const writes = shop.stripe.calls({ executed: true }).filter(({ method }) => method === "POST");
    assert.deepEqual(writes.map(({ objectId }) => objectId).sort(), stale.sort(), "cancelled at Stripe, once each");
    const decided = await shop.sql<{ id: string }[]>`
      select stripe_id as id from lapse.decisions where outcome = 'canceled' order by stripe_id`;
    assert.deepEqual(decided.map(({ id }) => id).sort(), stale, "decided and counted, once each");
  };
}

/** Starts a run and strikes so much after it began, which is when it answers; then every lease runs out. */
async function killAfter(shop: Shop, { job, ms }: { job: JobName; ms: number }): Promise<void> {
  const response = await shop.post({}, { name: job });
  assert.equal(response.status, 202, await response.text());
  await new Promise((resolve) => setTimeout(resolve, ms));
  await shop.stack.functions.kill(job);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await lapse(shop);
}

/** As if two minutes had passed, for the dead; the watch looks as well. */
async function lapse(shop: Shop): Promise<void> {
  await shop.lapseClaims();
  await shop.sql`select lapse.mark_lost_runs(p_now => now() + interval '1 second')`;
}

/** Runs until nothing is due, then everything has to be as if nothing had happened. */
async function finish(shop: Shop, job: JobName): Promise<void> {
  let last: RunReport;
  let runs = 0;
  do {
    await lapse(shop);
    // Attempts that failed wait for their backoff; here they do not.
    await shop.dueNow();
    last = await shop.run({}, job);
    assert.ok(++runs < 20, `after ${runs} runs the work is not done: ${JSON.stringify(last)}`);
  } while (last.status !== "succeeded" || last.backlog! > 0);
}
