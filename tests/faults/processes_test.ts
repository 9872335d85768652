// What no simulation in one process shows: the function's own process killed, on the whole stack.

import assert from "node:assert/strict";
import type { RunReport } from "../../functions/_shared/run/report.ts";
import { type Shop, withShop } from "../integration/support.ts";
import { assertQuiet } from "../oracle/quiet.ts";
import { lengthOf, report } from "./support/length.ts";

const ON_HAND = { tea: 100_000, mug: 1_000 };
const ORDERS = 60;
const SHOPS = lengthOf({ bounded: 1, long: 15 });
/** Fewer than the lapsed claims after which an order is set aside, as it might be what kills the runs. */
const TIMES = 4;

Deno.test("SIGKILL of the function at random moments: the runs after it finish its work", async () => {
  for (let n = 0; n < SHOPS; n++) {
    await withShop({}, async (shop) => {
      await fillShop(shop);
      for (let time = 0; time < TIMES; time++) {
        await interrupt(shop, () => shop.stack.functions.kill("expire-stale-orders"));
      }
      await finish(shop);
    });
  }
  report(`${SHOPS} times ${TIMES} times SIGKILL of the function's process`);
});

/** Paid, unpaid and unpayable orders, so that a run has something of everything under way. */
async function fillShop(shop: Shop): Promise<void> {
  await shop.placeUnpaidOrders(ORDERS / 2);
  for (let n = 0; n < ORDERS / 6; n++) {
    await shop.placeOrder();
    await shop.addIntent(await shop.placeOrder(), { status: "succeeded" });
    await shop.addSession(await shop.placeOrder());
  }
  // Slow enough for a run to be met in the middle.
  shop.stripe.setLatency({ latencyMs: [10, 60] });
}

/** Starts a run and strikes at a random moment of it; then every lease runs out. */
async function interrupt(shop: Shop, strike: () => Promise<unknown>): Promise<void> {
  await shop.stack.functions.warm("expire-stale-orders");
  const run = shop.post({}).then((response) => response.body?.cancel(), () => {});
  await new Promise((resolve) => setTimeout(resolve, 30 + Math.random() * 250));
  await strike();
  await run;
  await new Promise((resolve) => setTimeout(resolve, 50));
  await lapse(shop);
}

/** As if two minutes had passed, for the dead; the watch looks as well. */
async function lapse(shop: Shop): Promise<void> {
  await shop.lapseClaims();
  await shop.sql`select jobs.mark_lost_runs(now() + interval '1 second')`;
}

/** Runs until nothing is due, then everything has to be as if nothing had happened. */
async function finish(shop: Shop): Promise<void> {
  let last: RunReport;
  let runs = 0;
  do {
    await lapse(shop);
    // Attempts that failed wait for their backoff; here they do not.
    await shop.sql`update public.orders set next_check_at = now() where status = 'pending' and next_check_at > now()`;
    last = await shop.run();
    assert.ok(++runs < 20, `after ${runs} runs the work is not done: ${JSON.stringify(last)}`);
  } while (last.status !== "succeeded" || last.backlog! > 0);
  const counts = await shop.sql<{ status: string; n: number }[]>`
    select status, count(*)::int as n from public.orders group by status order by status`;
  assert.deepEqual(Object.fromEntries(counts.map(({ status, n }) => [status, n])), {
    expired: ORDERS * 5 / 6,
    paid: ORDERS / 6,
  });
  const [struck] = await shop.sql<{ n: number }[]>`
    select count(*)::int as n from public.job_runs where status in ('lost', 'failed')`;
  assert.ok(struck!.n > 0, "no run was struck in the middle");
  await assertQuiet({ sql: shop.sql, stripe: shop.stripe, onHand: ON_HAND });
}
