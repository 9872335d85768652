import assert from "node:assert/strict";
import fc from "fast-check";
import { examineOrders } from "../../../functions/_shared/protocol/examine-orders.ts";
import type { ClaimedOrder } from "../../../functions/_shared/rules/orders.ts";
import type { StripeIntent } from "../../../functions/_shared/stripe/objects.ts";
import type { Outcome } from "../../../functions/_shared/stripe/outcome.ts";
import { at, intent, order, payment } from "../rules/builders.ts";
import { contextOf } from "./expect-decision.ts";
import { type Fake, fakeStripe, lost, refused, throttled, unsent } from "./fake-stripe.ts";

/** What happens around one call to Stripe: a customer first, then a fault before or after the call is executed. */
type Moment = { customer: { payment: number; does: string } | null; fault: string };

const anyMoment: fc.Arbitrary<Moment> = fc.record({
  customer: fc.option(
    fc.record({ payment: fc.nat(2), does: fc.constantFrom("pays", "debits", "fails", "gives_up") }),
    { freq: 2 },
  ),
  fault: fc.constantFrom(
    "",
    "",
    "",
    "",
    "lost_before",
    "lost_after",
    "500_after",
    "throttled",
    "crowded",
    "out_of_time",
    "locked",
    "conflict",
    "401",
  ),
});
const anyStart = fc.array(
  fc.constantFrom("requires_payment_method", "requires_confirmation", "processing", "canceled", "requires_capture"),
  { minLength: 1, maxLength: 3 },
);

Deno.test("whatever customers and the network do, an order expires only when all its payments are dead", async () => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(anyStart, fc.array(anyMoment, { maxLength: 20 }), async (statuses, moments) => {
      const stripe = worldOf(statuses);
      const { decisions, untouched, stop } = await run(stripe, { statuses, moments });
      const [decision] = decisions;
      seen.add(decision?.outcome ?? "untouched");
      assert.equal(decisions.length + untouched.length, 1);
      if (!decision) {
        return assert.ok(stop !== null || moments.some(({ fault }) => ["out_of_time", "crowded"].includes(fault)));
      }

      const final = statuses.map((_, i) => stripe.get(`pi_${i}`)?.status);
      if (decision.outcome === "expired") assert.deepEqual(final, final.map(() => "canceled"));
      if (decision.outcome === "paid") assert.ok(final.includes("succeeded"));
      for (const { stripeId, state } of decision.payments) {
        if (state === "dead") assert.equal(stripe.get(stripeId)?.status, "canceled");
        if (state === "paid") assert.equal(stripe.get(stripeId)?.status, "succeeded");
      }
    }),
    { numRuns: 1500 },
  );
  assert.deepEqual([...seen].toSorted(), ["expired", "handed_back", "paid", "retry", "untouched", "waiting"]);
});

Deno.test("whatever happens to a closed order, its payments' records are true and no paid payment is cancelled", async () => {
  const anyStatus = fc.constantFrom("paid", "expired", "quarantined");
  await fc.assert(
    fc.asyncProperty(anyStatus, anyStart, fc.array(anyMoment, { maxLength: 20 }), async (status, statuses, moments) => {
      const stripe = worldOf(statuses);
      const { decisions: [decision] } = await run(stripe, { statuses, moments, status });
      if (status === "quarantined") assert.deepEqual(stripe.writes(), []);
      if (!decision) return;
      assert.ok(
        ["checked", "retry", "handed_back", ...(status === "quarantined" ? ["paid"] : [])].includes(decision.outcome),
      );
      for (const { stripeId, state } of decision.payments) {
        if (state === "dead") assert.equal(stripe.get(stripeId)?.status, "canceled");
        if (state === "paid") assert.equal(stripe.get(stripeId)?.status, "succeeded");
        if (state === "open" && decision.outcome === "checked") assert.notEqual(decision.nextCheckAt, null);
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("the order of the payments changes neither calls nor decision", async () => {
  await fc.assert(
    fc.asyncProperty(anyStart, fc.array(anyMoment, { maxLength: 20 }), async (statuses, moments) => {
      const [one, other] = [worldOf(statuses), worldOf(statuses)];
      const forwards = await run(one, { statuses, moments });
      const backwards = await run(other, { statuses, moments, reversed: true });
      assert.deepEqual(one.calls, other.calls);
      assert.deepEqual(forwards, backwards);
    }),
    { numRuns: 300 },
  );
});

function worldOf(statuses: string[]) {
  return fakeStripe(Object.fromEntries(statuses.map((status, i) => [`pi_${i}`, intent({ id: `pi_${i}`, status })])));
}

function run(
  stripe: Fake,
  { statuses, moments, reversed = false, status = "open" }: {
    statuses: string[];
    moments: Moment[];
    reversed?: boolean;
    status?: ClaimedOrder["status"];
  },
) {
  const upcoming = moments.values();
  const around = <A extends unknown[], T>(call: (...args: A) => Promise<Outcome<T>>) => async (...args: A) => {
    const moment = upcoming.next().value;
    if (moment?.customer) act(stripe, moment.customer);
    switch (moment?.fault) {
      case "lost_before":
        return lost("connection_lost");
      case "throttled":
        return throttled;
      case "crowded":
      case "out_of_time":
        return unsent(moment.fault);
      case "locked":
        return refused(429, { errorCode: "lock_timeout" });
      case "conflict":
        return refused(409);
      case "401":
        return refused(401);
    }
    const reply = await call(...args);
    if (moment?.fault === "lost_after") return lost("timeout");
    return moment?.fault === "500_after" ? refused(500) : reply;
  };
  const gateway = {
    ...stripe.gateway,
    readIntent: around(stripe.gateway.readIntent),
    cancelIntent: around(stripe.gateway.cancelIntent),
    sessionsOfIntent: around(stripe.gateway.sessionsOfIntent),
  };
  const payments = statuses.map((_, i) => payment({ stripeId: `pi_${i}` }));
  return examineOrders([order({ status, payments: reversed ? payments.toReversed() : payments })], {
    ...contextOf({ gateway }),
    deadline: at(60_000),
  });
}

/** Only what Stripe lets a customer or a bank do: a dead or paid intent stays as it is. */
function act(stripe: Fake, { payment, does }: { payment: number; does: string }): void {
  const object = stripe.get(`pi_${payment}`) as StripeIntent | undefined;
  if (!object || ["succeeded", "canceled"].includes(object.status)) return;
  const status: Record<string, Partial<StripeIntent>> = {
    pays: { status: "succeeded", amount_received: 5000 },
    debits: { status: "processing" },
    fails: { status: "requires_payment_method" },
    gives_up: {},
  };
  stripe.set(object.id, status[does] ?? {});
}
