import assert from "node:assert/strict";
import fc from "fast-check";
import { cleanupStalePaymentIntents } from "../../../functions/cleanup-stale-payment-intents/cleanup-stale-payment-intents.ts";
import type { Database } from "../../../functions/_shared/database/database.ts";
import type { OrderDecision } from "../../../functions/_shared/rules/orders.ts";
import { openStripe } from "../../../functions/_shared/stripe/gateway.ts";
import { countOf, databaseOf, NOW, order, runJob } from "../expire/shop.ts";
import { intent } from "../rules/builders.ts";
import { peakOf, virtualTime } from "./virtual-time.ts";

/** Payments a second: all, the clean-up's share, and what that leaves. */
const PACE = { all: 20, cleanup: 4, rest: 16 };
/** What Stripe allows an endpoint in any one second. */
const STRIPE_PER_SECOND = 25;
const BATCH = 20;

/**
 * Both jobs in processes of their own that share nothing but the database, in virtual time. `roundTrip`: how long each call takes. The
 * database tells the paces as lapse.pace_of does.
 */
async function runBoth({ expireAt, cleanupAt, roundTrip }: {
  expireAt: number;
  cleanupAt: number;
  roundTrip: () => number;
}): Promise<{ reads: number[]; cancels: number[] }> {
  const { clock, runUntil } = virtualTime({ from: NOW, turns: 3 });
  const sent = { reads: [] as number[], cancels: [] as number[] };
  const shares = { cleanup: 0, expire: 0 };
  const canceled = new Set<string>();

  const stripeAt = (paymentsPerSecond: number) =>
    openStripe({
      secretKey: "sk_test_unit",
      clock,
      deadline: new Date(NOW.getTime() + 120_000),
      paymentsPerSecond,
      statistics: { calls: 0, throttled: 0, callsByEndpoint: {} },
      fetch: async (input) => {
        const [, id = "", cancel] = /payment_intents\/(pi_\w+)(\/cancel)?$/.exec(new URL(String(input)).pathname) ?? [];
        (cancel ? sent.cancels : sent.reads).push(clock.monotonic());
        if (cancel) canceled.add(id);
        await clock.sleep(roundTrip());
        const status = canceled.has(id) ? "canceled" : "requires_payment_method";
        return Response.json(intent({ id, metadata: {}, status }));
      },
    });

  const claimsOf = (prefix: string, batches: number, status: "open" | "paid") =>
    Array.from({ length: batches }, (_, batch) => ({
      orders: Array.from({ length: BATCH }, (_, n) => order(`${prefix}${batch}x${n}`, { status })),
    }));
  /** A database whose settlements tell this pace. */
  const telling = (pace: () => { paymentsPerSecond: number; waitForShare: boolean }): Partial<Database> => ({
    settleOrders: (_: unknown, decisions: OrderDecision[]) =>
      Promise.resolve({ outcomes: countOf(decisions), superseded: 0, ...pace() }),
  });
  const paceOfExpire = () => {
    shares.expire = PACE.all - shares.cleanup;
    return { paymentsPerSecond: shares.expire, waitForShare: false };
  };
  const paceOfCleanup = () => {
    shares.cleanup = PACE.cleanup;
    return { paymentsPerSecond: PACE.cleanup, waitForShare: shares.expire > PACE.rest };
  };
  async function expire() {
    await clock.sleep(expireAt);
    const { paymentsPerSecond } = paceOfExpire();
    const { database } = databaseOf(claimsOf("e", 6, "open"), telling(paceOfExpire));
    await runJob({ database, gateway: stripeAt(paymentsPerSecond), clock });
    await clock.sleep(1_000);
    shares.expire = 0;
  }
  async function cleanup() {
    await clock.sleep(cleanupAt);
    const { paymentsPerSecond, waitForShare } = paceOfCleanup();
    const { database } = databaseOf(claimsOf("c", 2, "paid"), telling(paceOfCleanup));
    const gateway = stripeAt(paymentsPerSecond);
    await runJob({ database, gateway, clock, job: cleanupStalePaymentIntents, waitForShare });
    await clock.sleep(1_000);
    shares.cleanup = 0;
  }
  await runUntil(Promise.all([expire(), cleanup()]));
  assert.equal(canceled.size, 8 * BATCH);
  return sent;
}

const moment = fc.integer({ min: 0, max: 9_000 });
const roundTrips = fc.infiniteStream(fc.integer({ min: 20, max: 400 }));

Deno.test("whenever both jobs begin, and however long Stripe takes, no second sees more than 25 calls of one endpoint", async () => {
  await fc.assert(
    fc.asyncProperty(moment, moment, roundTrips, async (expireAt, cleanupAt, stream) => {
      const { reads, cancels } = await runBoth({ expireAt, cleanupAt, roundTrip: () => stream.next().value as number });
      for (const times of [reads, cancels]) {
        assert.ok(peakOf(times) <= STRIPE_PER_SECOND, `${peakOf(times)} calls in one second`);
      }
    }),
    { numRuns: 40 },
  );
});
