import assert from "node:assert/strict";
import { DatabaseError } from "../../../functions/_shared/errors.ts";
import { examineOrders, type ExamineOrdersOptions } from "../../../functions/_shared/protocol/examine-orders.ts";
import { createKeyCheck, isKeyDoubtful, type KeyCheck } from "../../../functions/_shared/protocol/key-check.ts";
import type { ClaimedOrder } from "../../../functions/_shared/rules/orders.ts";
import { at, intent, NOW, order, payment } from "../rules/builders.ts";
import { contextOf } from "./expect-decision.ts";
import { type Fake, fakeStripe, refused } from "./fake-stripe.ts";

Deno.test("a batch decides about every order", async () => {
  const { batch, stripe } = await examineBatch(5);
  assert.deepEqual(batch.decisions.map(({ outcome }) => outcome), Array(5).fill("expired"));
  assert.deepEqual([batch.untouched, batch.stop], [[], null]);
  assert.equal(stripe.writes().length, 5);
});

Deno.test("a batch never examines more orders at once than allowed", async () => {
  let running = 0;
  let peak = 0;
  await examineBatch(20, {
    maxInFlight: 4,
    around: async (call) => {
      peak = Math.max(peak, ++running);
      await new Promise((resolve) => setTimeout(resolve, 1));
      running--;
      return await call();
    },
  });
  assert.equal(peak, 4);
});

Deno.test("401 stops the batch and hands the rest back", async () => {
  const { batch } = await examineBatch(
    6,
    { maxInFlight: 1 },
    (stripe) => stripe.answer("readIntent", "pi_2", refused(401)),
  );
  assert.deepEqual(batch.decisions.map(({ ref }) => ref), ["o0", "o1"]);
  assert.deepEqual([batch.untouched, batch.stop], [["o2", "o3", "o4", "o5"], "key_rejected"]);
});

Deno.test("after the deadline no order is examined, and none counts as failed", async () => {
  let now = NOW;
  const { batch } = await examineBatch(4, {
    maxInFlight: 1,
    clock: { now: () => now },
    deadline: at(1000),
    around: (call) => {
      // Every call takes 300 ms: the second order is read at 600 and cancelled at 900, the third is never begun.
      now = new Date(now.getTime() + 300);
      return call();
    },
  });
  assert.deepEqual(batch.decisions.map(({ ref, outcome }) => `${ref} ${outcome}`), ["o0 expired", "o1 expired"]);
  assert.deepEqual([batch.untouched, batch.stop], [["o2", "o3"], null]);
});

Deno.test("a run that is halted begins no further order and hands the rest back", async () => {
  let begun = 0;
  const { batch } = await examineBatch(4, { maxInFlight: 1, halted: () => ++begun > 2 });
  assert.deepEqual([batch.decisions.length, batch.untouched, batch.stop], [2, ["o2", "o3"], null]);
});

Deno.test("an exception on one order fails that order alone, and is reported", async () => {
  const reported: unknown[] = [];
  const { batch } = await examineBatch(
    3,
    { onInternalError: (...args) => reported.push(args) },
    (stripe) =>
      stripe.answer("readIntent", "pi_1", () => {
        throw new Error("boom");
      }),
  );
  const outcomes = batch.decisions.map(({ ref, outcome, reason }) => `${ref} ${outcome} ${reason}`);
  assert.deepEqual(outcomes.toSorted(), ["o0 expired all_dead", "o1 retry internal_error", "o2 expired all_dead"]);
  assert.deepEqual(reported, [["o1", new Error("boom")]]);
});

Deno.test("an error that concerns the whole run is no order's failure: the batch ends and keeps its results", async () => {
  const error = new DatabaseError("Cannot call lapse_settle_orders", { code: "42501" });
  const reported: unknown[] = [];
  const { batch } = await examineBatch(
    5,
    { maxInFlight: 1, onInternalError: (...args) => reported.push(args) },
    (stripe) =>
      stripe.answer("readIntent", "pi_2", () => {
        throw error;
      }),
  );
  assert.deepEqual(batch.decisions.map(({ ref, outcome }) => `${ref} ${outcome}`), [
    "o0 expired",
    "o1 expired",
  ]);
  assert.deepEqual([batch.untouched, batch.stop, batch.broken], [["o2", "o3", "o4"], null, { error }]);
  assert.deepEqual(reported, []);
});

Deno.test("after an error that concerns the whole run, orders under way finish and no further one is begun", async () => {
  const error = new DatabaseError("Cannot call lapse_settle_orders", { code: "42501" });
  const { batch } = await examineBatch(10, { maxInFlight: 2 }, (stripe) =>
    stripe.answer("readIntent", "pi_0", () => {
      throw error;
    }));
  assert.deepEqual(batch.decisions.map(({ ref, outcome }) => `${ref} ${outcome}`), ["o1 expired"]);
  assert.equal(batch.untouched.length, 9);
});

const unknownTo = (from: number) => (stripe: Fake) => {
  for (let i = from; i < 30; i++) {
    stripe.answer("readIntent", `pi_${i}`, refused(404, { errorCode: "resource_missing" }));
  }
};

Deno.test("a few payments unknown to Stripe are quarantined", async () => {
  const { batch } = await examineBatch(10, {}, unknownTo(0));
  assert.deepEqual(batch.decisions.map(({ reason }) => reason), Array(10).fill("payment_not_found"));
  assert.equal(batch.stop, null);
});

Deno.test("when Stripe knows none of many payments the run stops and quarantines nothing: the key is wrong", async () => {
  const { batch } = await examineBatch(20, {}, unknownTo(0));
  assert.deepEqual([batch.decisions, batch.untouched.length, batch.stop], [[], 20, "too_many_not_found"]);
});

Deno.test("one payment that Stripe knows proves the key: the others are quarantined and delay no order", async () => {
  for (const known of [0, 15, 29]) {
    const unknown = (stripe: Fake) => {
      for (let i = 0; i < 30; i++) {
        if (i !== known) stripe.answer("readIntent", `pi_${i}`, refused(404, { errorCode: "resource_missing" }));
      }
    };
    const { batch } = await examineBatch(30, {}, unknown);
    const outcomes = batch.decisions.map(({ ref, outcome }) => `${ref} ${outcome}`);
    assert.ok(outcomes.includes(`o${known} expired`));
    assert.equal(outcomes.filter((it) => it.endsWith(" quarantined")).length, 29);
    assert.deepEqual([batch.untouched, batch.stop], [[], null]);
  }
});

Deno.test("a known payment far behind many unknown ones is reached, in the same batch", async () => {
  const { batch } = await examineBatch(60, { maxInFlight: 1 }, (stripe) => {
    for (let i = 0; i < 59; i++) {
      stripe.answer("readIntent", `pi_${i}`, refused(403, { errorCode: "account_invalid" }));
    }
  });
  assert.equal(batch.decisions.at(-1)?.outcome, "expired");
  assert.deepEqual([batch.decisions.length, batch.untouched, batch.stop], [60, [], null]);
});

Deno.test("a key without access to the connected accounts stops the run as a wrong key does", async () => {
  const { batch } = await examineBatch(12, {}, (stripe) => {
    for (let i = 0; i < 12; i++) {
      stripe.answer("readIntent", `pi_${i}`, refused(403, { errorCode: "account_invalid" }));
    }
  });
  assert.deepEqual([batch.decisions, batch.untouched.length, batch.stop], [[], 12, "too_many_not_found"]);
});

Deno.test("what is known about the key counts for all batches of a run", async () => {
  const keyCheck: KeyCheck = { known: 0, unknown: 10, isProven: false };
  const first = await examineBatch(1, { keyCheck }, unknownTo(0));
  assert.deepEqual([first.batch.stop, first.batch.untouched, keyCheck.unknown], ["too_many_not_found", ["o0"], 11]);

  const second = await examineBatch(1, { keyCheck: { ...keyCheck, known: 1 } }, unknownTo(0));
  assert.deepEqual([second.batch.stop, second.batch.decisions[0]?.reason], [null, "payment_not_found"]);
});

Deno.test("only attached payments of known orders prove a key: any key can read what its own account lists", async () => {
  const learned = async (claimed: Partial<ClaimedOrder>) => {
    const keyCheck = createKeyCheck();
    const stripe = fakeStripe({ pi_1: intent() });
    await examineOrders([order(claimed)], { ...contextOf(stripe), deadline: at(60_000), keyCheck });
    return keyCheck.known;
  };
  assert.equal(await learned({}), 1);
  assert.equal(await learned({ payments: [payment({ source: "list" })] }), 0);
  assert.equal(await learned({ status: "unknown", shopState: "gone" }), 0);
  assert.equal(
    isKeyDoubtful({ known: 0, unknown: 11, isProven: true }),
    true,
    "a list that was read with another key proves nothing",
  );
});

Deno.test("an order that ended otherwise keeps its decision when the key is doubtful", async () => {
  const { batch } = await examineBatch(13, {}, (stripe) => {
    unknownTo(1)(stripe);
    stripe.answer("readIntent", "pi_0", refused(500));
  });
  assert.deepEqual(batch.decisions.map(({ ref, reason }) => [ref, reason]), [["o0", "server_error"]]);
});

type Overrides = Partial<ExamineOrdersOptions> & { around?: <T>(call: () => Promise<T>) => Promise<T> };

async function examineBatch(
  count: number,
  { around, ...overrides }: Overrides = {},
  arrange?: (stripe: Fake) => void,
) {
  const ids = Array.from({ length: count }, (_, index) => index);
  const stripe = fakeStripe(
    Object.fromEntries(ids.map((i) => [`pi_${i}`, intent({ id: `pi_${i}`, metadata: { order_id: `o${i}` } })])),
  );
  arrange?.(stripe);
  const orders = ids.map((i): ClaimedOrder => order({ ref: `o${i}`, payments: [payment({ stripeId: `pi_${i}` })] }));
  const { readIntent, cancelIntent } = stripe.gateway;
  const gateway = around
    ? {
      ...stripe.gateway,
      readIntent: (...call: Parameters<typeof readIntent>) => around(() => readIntent(...call)),
      cancelIntent: (...call: Parameters<typeof cancelIntent>) => around(() => cancelIntent(...call)),
    }
    : stripe.gateway;
  const options = { ...contextOf({ gateway }), deadline: at(60_000), keyCheck: createKeyCheck(), ...overrides };
  return { stripe, batch: await examineOrders(orders, options) };
}
