// Checkout and run race for the same orders, under load and at random moments: customers pay while their orders fall due.

import assert from "node:assert/strict";
import { seededRandom } from "../../local/stripe-simulator/random.ts";
import { type Shop, withShop } from "../integration/support.ts";
import { assertAtRest } from "../oracle/at-rest.ts";
import { assertNoDeadlocks } from "./support/deadlocks.ts";
import { lengthOf, report } from "./support/length.ts";
import { MINUTE } from "./support/time.ts";

const CUSTOMERS = lengthOf({ bounded: 150, long: 15_000 });
const PER_SECOND = 50;
const ON_HAND = { tea: 1_000_000, mug: 1_000_000 };
/** LAPSE_PROOF_SEED repeats who does what when; how the two programs interleave it cannot repeat. */
const seed = Number(Deno.env.get("LAPSE_PROOF_SEED") ?? 20261122);

/** Milliseconds after the order was placed; `dueAfter`, until a run may take it. */
type Customer = {
  does: "pays" | "pays, webhook lost" | "cancels" | "leaves";
  dueAfter: number;
  actsAfter: number;
  webhookAfter: number;
};

/** How the meeting went for the customer. */
type Ending = "paid" | "paid, webhook lost" | "too late" | "attach refused" | "canceled" | "left";

Deno.test(`customers pay while their orders fall due, ${PER_SECOND} a second beside runs without a pause: each order ends as its payments require`, async () => {
  await withShop({}, async (shop) => {
    await shop.sql`update public.inventory set on_hand = 1000000`;
    shop.stripe.setLatency({ latencyMs: [5, 40] });
    const random = seededRandom(seed);
    let open = true;
    const working = (async () => {
      while (open) await shop.run();
    })();
    const visits: Promise<{ id: string; ending: Ending }>[] = [];
    for (let next = performance.now(); visits.length < CUSTOMERS; next += 1_000 / PER_SECOND) {
      visits.push(visit(shop, customerOf(random)));
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
    }
    const ended = await Promise.all(visits);
    open = false;
    await working;
    await workOff(shop);

    const counts: Partial<Record<Ending, number>> = {};
    for (const { id, ending } of ended) {
      counts[ending] = (counts[ending] ?? 0) + 1;
      const { status } = await shop.orderOf(id);
      const expected = ending.startsWith("paid") ? "paid" : "expired";
      assert.equal(
        status,
        expected,
        `1: with seed ${seed} an order whose customer's visit ended as "${ending}" is ${status}`,
      );
    }
    report(`${CUSTOMERS} customers in a rush, seed ${seed}: ${JSON.stringify(counts)}`);
    for (const ending of ["paid", "paid, webhook lost", "too late"] as const) {
      assert.ok(counts[ending], `nobody: ${ending}`);
    }
    await assertAtRest({ sql: shop.sql, stripe: shop.stripe, onHand: ON_HAND });
    await assertNoDeadlocks(shop);
  });
});

function customerOf(random: () => number): Customer {
  const what = random();
  return {
    does: what < 0.6 ? "pays" : what < 0.8 ? "pays, webhook lost" : what < 0.9 ? "cancels" : "leaves",
    dueAfter: random() * 1_000,
    actsAfter: random() * 1_500,
    webhookAfter: random() * 200,
  };
}

/** One customer, from the full basket to the end. */
async function visit(
  shop: Shop,
  { does, dueAfter, actsAfter, webhookAfter }: Customer,
): Promise<{ id: string; ending: Ending }> {
  const { sql, stripe } = shop;
  // A run takes an order once Stripe's lists were read past the moment at which it fell due, a minute later at the earliest.
  const [order] = await sql<{ id: string }[]>`
    select id from public.place_order(p_currency => 'eur', p_amount => 2000, p_items => '[{"sku": "tea", "quantity": 2}, {"sku": "mug", "quantity": 1}]',
      p_now => now() - make_interval(secs => ${(33 * MINUTE - dueAfter) / 1_000}))`;
  const { id } = order!;
  let intent: string;
  try {
    intent = await shop.addIntent(id);
  } catch (error) {
    if ((error as { code?: string }).code !== "PT409") throw error;
    return { id, ending: "attach refused" };
  }
  await new Promise((resolve) => setTimeout(resolve, actsAfter));
  if (does === "leaves") return { id, ending: "left" };
  if (does === "cancels") {
    await stripe.customer({ id: intent, verb: "cancel_in_dashboard" });
    return { id, ending: "canceled" };
  }
  const { accepted } = await stripe.customer({ id: intent, verb: "confirm_ok" });
  if (!accepted) return { id, ending: "too late" };
  if (does === "pays, webhook lost") return { id, ending: "paid, webhook lost" };
  await new Promise((resolve) => setTimeout(resolve, webhookAfter));
  await sql`select public.lapse_mark_paid(p_ref => ${id}, p_stripe_id => ${intent})`;
  return { id, ending: "paid" };
}

/** Until every order is decided. Attempts that failed wait for their backoff, and claims of a run that failed for their lease; here they do not. */
async function workOff(shop: Shop): Promise<void> {
  for (let runs = 0; runs < 20; runs++) {
    await shop.lapseClaims();
    await shop.dueNow();
    const { status, backlog } = await shop.run();
    if (status === "succeeded" && backlog === 0) return;
  }
  throw new Error("6: after twenty runs orders are still due");
}
