import assert from "node:assert/strict";
import type { Claim } from "../../../functions/_shared/database/orders.ts";
import { DatabaseError, LeaseLostError } from "../../../functions/_shared/errors.ts";
import type { OrderDecision } from "../../../functions/_shared/rules/orders.ts";
import { databaseOf, linesOf, order, runJob, stripeOf, unpaidOrders } from "./shop.ts";

const refusedBy = (code: string | null) => new DatabaseError("Cannot call lapse_settle_orders: no", { code });
const lost = new LeaseLostError("Cannot go on: another run took over", { code: "LP001" });

/** The database of the orders, which answers what `refuse` does not throw; with every call, refused or not. */
function strictDatabase(claims: Partial<Claim>[], refuse: (decisions: OrderDecision[], call: number) => void) {
  const it = databaseOf(claims);
  const settle = it.database.settleOrders;
  const sizes: number[] = [];
  it.database.settleOrders = async (lease, decisions) => {
    sizes.push(decisions.length);
    refuse(decisions, sizes.length);
    return await settle(lease, decisions);
  };
  return { ...it, sizes };
}

const closes = (decisions: OrderDecision[], ref: string) =>
  decisions.some((decision) => decision.ref === ref && decision.outcome === "expired");

for (const code of ["P0001", "23514", "22003", "21000", "PT409", "SHOP1", "LP002"]) {
  Deno.test(`an order refused with ${code} is a failed attempt of its own, and the others are settled in halves`, async () => {
    const orders = unpaidOrders(16);
    const { database, settled, sizes } = strictDatabase([{ orders }], (decisions) => {
      if (closes(decisions, "o5")) throw refusedBy(code);
    });
    const { result, lines } = await runJob({ database });
    const expected = orders.map(({ ref }) => ref === "o5" ? "o5 retry settlement_refused" : `${ref} expired all_dead`);
    assert.deepEqual(linesOf(settled), expected.sort());
    assert.equal(sizes[0], 16);
    assert.ok(sizes.length <= 11, `${sizes.length} calls for one bad order of 16`);
    assert.deepEqual([result.status, result.error, result.workLeft], [
      "partial",
      "1 orders could not be decided and will be retried",
      false,
    ]);
    const [line] = lines.filter(([event]) => event === "order_refused");
    assert.equal(line?.[1].ref, "o5");
    assert.match(String(line?.[1].error), /lapse_settle_orders: no/);
  });
}

Deno.test("if even an order's failed attempt is refused, its claim lapses, and the others are settled", async () => {
  const { database, settled } = strictDatabase([{ orders: unpaidOrders(4) }], (decisions) => {
    if (decisions.some(({ ref }) => ref === "o1") || closes(decisions, "o2")) throw refusedBy("P0001");
  });
  const { result, lines } = await runJob({ database });
  assert.deepEqual(linesOf(settled), ["o0 expired all_dead", "o2 retry settlement_refused", "o3 expired all_dead"]);
  assert.match(result.error!, /^2 orders/);
  assert.deepEqual(lines.filter(([event]) => event === "order_unsettled").map(([, it]) => it.ref), ["o1"]);
});

for (const [code, sizes] of [["55P03", [3, 1, 1, 1]], ["57014", [3, 1]]] as const) {
  Deno.test(`if every settlement times out with ${code}, the batch is handed back with Stripe's answers, and nothing more is claimed`, async () => {
    const claims = [{ orders: unpaidOrders(3) }, {}, { orders: unpaidOrders(3, 3) }];
    const { database, settled, asked, sizes: sent } = strictDatabase(claims, (decisions) => {
      if (decisions.some(({ outcome }) => outcome === "expired")) throw refusedBy(code);
    });
    const { result } = await runJob({ database });
    assert.deepEqual(
      settled.map(({ outcome, reason }) => `${outcome} ${reason}`),
      Array(3).fill("handed_back not_settled_in_time"),
    );
    assert.deepEqual(settled.map(({ payments }) => payments[0]?.outcome), ["canceled", "canceled", "canceled"]);
    assert.deepEqual(sent.slice(0, -1), sizes, "one by one, as long as that may help");
    assert.deepEqual([asked.length, result.status, result.workLeft], [2, "partial", false]);
    assert.match(result.error!, /were handed back undecided.*lapse_settle_orders: no/);
  });
}

Deno.test("an order that waits for a lock is handed back alone, and the run continues with others", async () => {
  const claims = [{ orders: unpaidOrders(4) }, {}, { orders: unpaidOrders(2, 4) }];
  const { database, settled } = strictDatabase(claims, (decisions) => {
    if (closes(decisions, "o1")) throw refusedBy("55P03");
  });
  const { result } = await runJob({ database, settings: { batchesAtOnce: 1 } });
  const others = ["o0", "o2", "o3"].map((ref) => `${ref} expired all_dead`);
  assert.deepEqual(linesOf(settled), ["o1 handed_back not_settled_in_time", ...others].sort());
  assert.deepEqual([result.status, result.workLeft], ["partial", false]);
});

Deno.test("after six orders that wait for a lock, the rest of the batch is handed back", async () => {
  const { database, settled, sizes } = strictDatabase([{ orders: unpaidOrders(50) }], (decisions) => {
    if (decisions.some(({ outcome }) => outcome === "expired")) throw refusedBy("55P03");
  });
  await runJob({ database });
  assert.deepEqual(sizes, [50, 1, 1, 1, 1, 1, 50]);
  assert.equal(settled.length, 50);
});

Deno.test("a run that could not be settled in time is not continued at once, although its share is used up", async () => {
  const claims = [{ orders: unpaidOrders(3) }, { orders: unpaidOrders(3, 3) }];
  const { database } = strictDatabase(claims, () => {});
  const settle = database.settleOrders;
  database.settleOrders = async (lease, decisions) => {
    if (!closes(decisions, "o3")) return await settle(lease, decisions);
    // The other batch has used up the share by then.
    await new Promise((resolve) => setTimeout(resolve, 5));
    throw refusedBy("55P03");
  };
  const { result } = await runJob({ database, settings: { runOrders: 6, claimBatch: 3 } });
  assert.match(result.error!, /were handed back undecided.*used up its share of orders/);
  assert.deepEqual([result.status, result.workLeft], ["partial", false]);
});

Deno.test("if even handing back times out, the error is the run's", async () => {
  const { database, sizes } = strictDatabase([{ orders: unpaidOrders(3) }], () => {
    throw refusedBy("57014");
  });
  await assert.rejects(runJob({ database }), refusedBy("57014"));
  assert.deepEqual(sizes, [3, 1, 3, 1]);
});

Deno.test("if a settlement in halves times out, only the waiting orders are handed back", async () => {
  const { database, settled } = strictDatabase([{ orders: unpaidOrders(8) }], (decisions) => {
    if (closes(decisions, "o1")) throw refusedBy("P0001");
    if (closes(decisions, "o2")) throw refusedBy("55P03");
  });
  await runJob({ database });
  assert.deepEqual(linesOf(settled), [
    "o0 expired all_dead",
    "o1 retry settlement_refused",
    "o2 handed_back not_settled_in_time",
    ...["o3", "o4", "o5", "o6", "o7"].map((ref) => `${ref} expired all_dead`),
  ]);
});

for (const error of [lost, ...["40P01", "08006", "42501", "53300", "502", "PGRST202", null].map(refusedBy)]) {
  Deno.test(`after ${error.code ?? "no answer"} nothing is settled in halves: the error is the run's`, async () => {
    const { database, sizes } = strictDatabase([{ orders: unpaidOrders(4) }], () => {
      throw error;
    });
    await assert.rejects(runJob({ database }), error);
    assert.deepEqual(sizes, [4]);
  });
}

Deno.test("a lease lost while a batch is settled in halves ends the run at once", async () => {
  const { database, sizes } = strictDatabase([{ orders: unpaidOrders(4) }], (_, call) => {
    throw call === 1 ? refusedBy("P0001") : lost;
  });
  await assert.rejects(runJob({ database }), lost);
  assert.deepEqual(sizes, [4, 2]);
});

Deno.test("each settlement says how much of Stripe's limits others leave", async () => {
  const { database } = databaseOf([{ orders: unpaidOrders(2) }]);
  const stripe = stripeOf();
  await runJob({ database, gateway: stripe.gateway });
  assert.deepEqual(stripe.rates, [16]);
});

Deno.test("when orders without payments cannot be closed together, they are claimed and settled like others", async () => {
  const { database, settled } = strictDatabase([{ orders: unpaidOrders(1) }], (decisions) => {
    if (closes(decisions, "bare1")) throw refusedBy("LP002");
  });
  database.closeWithoutPayments = () => Promise.reject(refusedBy("LP002"));
  const bare = [["bare0", "bare1", "bare2"].map((ref) => order(ref, { payments: [] }))];
  database.claimWithoutPayments = () => Promise.resolve({ orders: bare.shift() ?? [], unreadable: [] });
  const { result } = await runJob({ database });
  assert.deepEqual(linesOf(settled), [
    "bare0 expired no_payment",
    "bare1 retry settlement_refused",
    "bare2 expired no_payment",
    "o0 expired all_dead",
  ]);
  assert.equal(result.status, "partial");
});
