import assert from "node:assert/strict";
import { DatabaseError } from "../../../functions/_shared/errors.ts";
import { examineOrders, type ExamineOrdersOptions } from "../../../functions/_shared/stripe/examine-orders.ts";
import type { StripeGateway } from "../../../functions/_shared/stripe/gateway.ts";
import type { ClaimedOrder } from "../../../functions/_shared/orders.ts";
import { at, intent, NOW, order, payment } from "./builders.ts";
import { fakeStripe, lost, refused } from "./fake-stripe.ts";

Deno.test("a batch decides about every order", async () => {
  const { batch, stripe } = await examineBatch(5);
  assert.deepEqual(batch.decisions.map(({ outcome }) => outcome), Array(5).fill("expired"));
  assert.deepEqual([batch.untouched, batch.stop], [[], null]);
  assert.equal(stripe.writes().length, 5);
});

Deno.test("a batch never has more orders in the middle than allowed", async () => {
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
  assert.deepEqual(batch.decisions.map(({ orderId }) => orderId), ["o0", "o1"]);
  assert.deepEqual([batch.untouched, batch.stop], [["o2", "o3", "o4", "o5"], "key_rejected"]);
});

Deno.test("after the deadline no order is begun, and none counts as failed", async () => {
  let now = NOW;
  const { batch } = await examineBatch(4, {
    maxInFlight: 1,
    clock: () => now,
    deadline: at(1000),
    around: (call) => {
      // Every call takes 300 ms: the second order is read at 600 and canceled at 900, the third is never begun.
      now = new Date(now.getTime() + 300);
      return call();
    },
  });
  assert.deepEqual(batch.decisions.map(({ orderId, outcome }) => `${orderId} ${outcome}`), [
    "o0 expired",
    "o1 expired",
  ]);
  assert.deepEqual([batch.untouched, batch.stop], [["o2", "o3"], null]);
});

Deno.test("an order whose time runs out between reading and ending is handed back untouched", async () => {
  let now = NOW;
  const { batch, stripe } = await examineBatch(1, {
    clock: () => now,
    deadline: at(100),
    around: (call) => {
      now = at(200);
      return call();
    },
  });
  assert.deepEqual([batch.decisions, batch.untouched, stripe.writes()], [[], ["o0"], []]);
});

Deno.test("an order whose time runs out between two ends remembers the first and is no failure", async () => {
  let now = NOW;
  const stripe = fakeStripe({ pi_a: intent({ id: "pi_a" }), pi_b: intent({ id: "pi_b" }) });
  const claimed = order({ payments: [payment({ stripeId: "pi_a" }), payment({ stripeId: "pi_b" })] });
  const gateway: StripeGateway = {
    ...stripe.gateway,
    cancelIntent: (ref, key) => {
      now = at(200);
      return stripe.gateway.cancelIntent(ref, key);
    },
  };
  const { decisions } = await examineOrders([claimed], options({ gateway, clock: () => now, deadline: at(100) }));
  assert.deepEqual([decisions[0]?.outcome, decisions[0]?.reason], ["waiting", "out_of_time"]);
  assert.deepEqual(decisions[0]?.payments.map(({ outcome, reason }) => `${outcome} ${reason}`), [
    "canceled ended_by_run",
    "kept out_of_time",
  ]);
});

Deno.test("a transient failure is repeated within the batch", async () => {
  const { batch, stripe } = await examineBatch(1, {}, (stripe) => {
    stripe.answer("readIntent", "pi_0", lost("timeout"));
    stripe.answer("cancelIntent", "pi_0", lost("connection_lost"));
  });
  assert.equal(batch.decisions[0]?.outcome, "expired");
  assert.deepEqual(stripe.writes(), ["cancelIntent pi_0 lapse:pi_0:3", "cancelIntent pi_0 lapse:pi_0:3"]);
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
  const outcomes = batch.decisions.map(({ orderId, outcome, reason }) => `${orderId} ${outcome} ${reason}`);
  assert.deepEqual(outcomes.toSorted(), ["o0 expired all_dead", "o1 retry internal_error", "o2 expired all_dead"]);
  assert.deepEqual(reported, [["o1", new Error("boom")]]);
});

Deno.test("of every order that was begun it is told once that nothing more is asked, however it ended", async () => {
  const over: string[] = [];
  await examineBatch(
    5,
    { maxInFlight: 1, onExamined: ({ id }) => over.push(id) },
    (stripe) => {
      stripe.answer("readIntent", "pi_1", () => {
        throw new Error("a bug");
      });
      stripe.answer("readIntent", "pi_3", refused(401));
    },
  );
  assert.deepEqual(over, ["o0", "o1", "o2", "o3"]);
});

Deno.test("what concerns the whole run is no order's failure: the batch ends, and keeps what was done", async () => {
  const error = new DatabaseError("Cannot call jobs_reserve_calls", { code: "42501" });
  const reported: unknown[] = [];
  const { batch } = await examineBatch(
    5,
    { maxInFlight: 1, onInternalError: (...args) => reported.push(args) },
    (stripe) =>
      stripe.answer("readIntent", "pi_2", () => {
        throw error;
      }),
  );
  assert.deepEqual(batch.decisions.map(({ orderId, outcome }) => `${orderId} ${outcome}`), [
    "o0 expired",
    "o1 expired",
  ]);
  assert.deepEqual([batch.untouched, batch.stop, batch.broken], [["o2", "o3", "o4"], null, { error }]);
  assert.deepEqual(reported, []);
});

const unknownTo = (from: number) => (stripe: ReturnType<typeof fakeStripe>) => {
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

Deno.test("one payment that Stripe knows proves the key: the others are quarantined and nobody is held up", async () => {
  for (const known of [0, 15, 29]) {
    const unknown = (stripe: ReturnType<typeof fakeStripe>) => {
      for (let i = 0; i < 30; i++) {
        if (i !== known) stripe.answer("readIntent", `pi_${i}`, refused(404, { errorCode: "resource_missing" }));
      }
    };
    const { batch } = await examineBatch(30, {}, unknown);
    const outcomes = batch.decisions.map(({ orderId, outcome }) => `${orderId} ${outcome}`);
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

Deno.test("what is known of the key counts over the batches of a run", async () => {
  const evidence = { known: 0, unknown: 10 };
  const first = await examineBatch(1, { evidence }, unknownTo(0));
  assert.deepEqual([first.batch.stop, first.batch.untouched, evidence], ["too_many_not_found", ["o0"], {
    known: 0,
    unknown: 11,
  }]);

  const proven = { known: 1, unknown: 10 };
  const second = await examineBatch(1, { evidence: proven }, unknownTo(0));
  assert.deepEqual([second.batch.stop, second.batch.decisions[0]?.reason], [null, "payment_not_found"]);
});

Deno.test("an order that ended otherwise keeps its decision when the key is doubtful", async () => {
  const { batch } = await examineBatch(13, {}, (stripe) => {
    unknownTo(1)(stripe);
    stripe.answer("readIntent", "pi_0", ...Array(3).fill(refused(500)));
  });
  assert.deepEqual(batch.decisions.map(({ orderId, reason }) => [orderId, reason]), [["o0", "server_error"]]);
});

type Overrides = Partial<ExamineOrdersOptions> & { around?: <T>(call: () => Promise<T>) => Promise<T> };

async function examineBatch(
  count: number,
  { around, ...overrides }: Overrides = {},
  arrange?: (stripe: ReturnType<typeof fakeStripe>) => void,
) {
  const ids = Array.from({ length: count }, (_, index) => index);
  const stripe = fakeStripe(
    Object.fromEntries(ids.map((i) => [`pi_${i}`, intent({ id: `pi_${i}`, metadata: { order_id: `o${i}` } })])),
  );
  arrange?.(stripe);
  const orders = ids.map((i): ClaimedOrder => order({ id: `o${i}`, payments: [payment({ stripeId: `pi_${i}` })] }));
  const { readIntent, cancelIntent } = stripe.gateway;
  const gateway: StripeGateway = around
    ? {
      ...stripe.gateway,
      readIntent: (ref) => around(() => readIntent(ref)),
      cancelIntent: (ref, key) => around(() => cancelIntent(ref, key)),
    }
    : stripe.gateway;
  return { stripe, batch: await examineOrders(orders, options({ gateway, ...overrides })) };
}

function options(overrides: Partial<ExamineOrdersOptions> & { gateway: StripeGateway }): ExamineOrdersOptions {
  return { deadline: at(60_000), clock: () => NOW, sleep: () => Promise.resolve(), random: () => 0.5, ...overrides };
}
