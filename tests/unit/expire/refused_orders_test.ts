import assert from "node:assert/strict";
import type { Claim } from "../../../functions/_shared/database/claimed-orders.ts";
import { DatabaseError, LeaseLostError } from "../../../functions/_shared/errors.ts";
import { order } from "../stripe/builders.ts";
import { databaseOf, runJob, type Settled, unpaidOrders } from "./shop.ts";

const refusedBy = (code: string) => new DatabaseError("Cannot call jobs_settle_orders: current value is no", { code });

/** The database of the orders, which answers what `refuse` does not throw; with every call, refused or not. */
function strictDatabase(claims: Partial<Claim>[], refuse: (decisions: Settled[], call: number) => void) {
  const { database, settled, asked } = databaseOf(claims);
  const settle = database.settleOrders;
  const calls: number[] = [];
  database.settleOrders = async (lease, decisions) => {
    calls.push(decisions.length);
    refuse(decisions, calls.length);
    return await settle(lease, decisions);
  };
  return { database, settled, asked, calls };
}

const closes = (decisions: Settled[], id: string) =>
  decisions.some(({ orderId, outcome }) => orderId === id && outcome === "expired");
const linesOf = (settled: Settled[]) =>
  settled.map(({ orderId, outcome, reason }) => `${orderId} ${outcome} ${reason}`);

for (const code of ["P0001", "23514", "22003", "21000", "PT409", "SHOP1"]) {
  Deno.test(`an order refused with ${code} is a failed attempt of its own, and the others are settled in halves`, async () => {
    const { orders, stripe } = unpaidOrders(16);
    const { database, settled, calls } = strictDatabase([{ orders }], (decisions) => {
      if (closes(decisions, "o5")) throw refusedBy(code);
    });
    const { result, lines } = await runJob({ database, gateway: stripe.gateway });
    const expected = orders.map(({ id }) => id === "o5" ? "o5 retry settlement_refused" : `${id} expired all_dead`);
    assert.deepEqual(linesOf(settled).sort(), expected.sort());
    assert.deepEqual(calls, [16, 8, 4, 4, 2, 1, 1, 2, 8, 1]);
    assert.deepEqual([result.status, result.error, result.workLeft], [
      "partial",
      "1 orders could not be decided and will be tried again",
      false,
    ]);
    const [line] = lines.filter(([event]) => event === "order_refused");
    assert.equal(line?.[1].order_id, "o5");
    assert.match(String(line?.[1].error), /current value is no/);
  });
}

Deno.test("an order whose failed attempt is refused, too, is left to its lapse, and the others are settled", async () => {
  const { orders, stripe } = unpaidOrders(4);
  const { database, settled } = strictDatabase([{ orders }], (decisions) => {
    if (decisions.some(({ orderId }) => orderId === "o1") || closes(decisions, "o2")) throw refusedBy("P0001");
  });
  const { result, lines } = await runJob({ database, gateway: stripe.gateway });
  assert.deepEqual(linesOf(settled).sort(), [
    "o0 expired all_dead",
    "o2 retry settlement_refused",
    "o3 expired all_dead",
  ]);
  assert.match(result.error!, /^2 orders/);
  assert.deepEqual(lines.filter(([event]) => event === "order_unsettled").map(([, it]) => it.order_id), ["o1"]);
});

for (const code of ["55P03", "57014"]) {
  Deno.test(`when the database gives up with ${code}, the batch goes back with what Stripe said, and nothing more is claimed`, async () => {
    const { orders, stripe } = unpaidOrders(3);
    const more = unpaidOrders(3, 3).orders;
    const { database, settled, asked } = strictDatabase([{ orders }, {}, { orders: more }], (decisions) => {
      if (closes(decisions, "o0")) throw refusedBy(code);
    });
    const { result } = await runJob({ database, gateway: stripe.gateway });
    assert.deepEqual(settled.map(({ outcome }) => outcome), ["handed_back", "handed_back", "handed_back"]);
    assert.deepEqual(settled.map(({ payments }) => payments[0]?.outcome), ["canceled", "canceled", "canceled"]);
    assert.deepEqual([asked.length, result.status, result.workLeft], [2, "partial", false]);
    assert.match(result.error!, /went back undecided.*current value is no/);
  });
}

Deno.test("when the database gives up while a batch is settled in halves, only what is not settled yet goes back", async () => {
  const { orders, stripe } = unpaidOrders(8);
  const { database, settled } = strictDatabase([{ orders }], (decisions) => {
    if (closes(decisions, "o1")) throw refusedBy("P0001");
    if (closes(decisions, "o2")) throw refusedBy("55P03");
  });
  await runJob({ database, gateway: stripe.gateway });
  assert.deepEqual(linesOf(settled).sort(), [
    "o0 expired all_dead",
    "o1 retry settlement_refused",
    ...["o2", "o3", "o4", "o5", "o6", "o7"].map((id) => `${id} handed_back not_settled_in_time`),
  ]);
});

const lost = new LeaseLostError("Cannot go on as another run took over: current value is 7", { code: "LP001" });
for (
  const error of [lost, ...["40P01", "08006", "42501", "53300", "502", "PGRST202"].map(refusedBy), refusedBy(null!)]
) {
  Deno.test(`after ${error.code ?? "no answer"} nothing is settled in halves: the error is the run's`, async () => {
    const { orders, stripe } = unpaidOrders(4);
    const { database, calls } = strictDatabase([{ orders }], () => {
      throw error;
    });
    await assert.rejects(runJob({ database, gateway: stripe.gateway }), error);
    assert.deepEqual(calls, [4]);
  });
}

Deno.test("a lease lost while a batch is settled in halves ends the run at once", async () => {
  const { orders, stripe } = unpaidOrders(4);
  const { database, calls } = strictDatabase([{ orders }], (_, call) => {
    throw call === 1 ? refusedBy("P0001") : lost;
  });
  await assert.rejects(runJob({ database, gateway: stripe.gateway }), lost);
  assert.deepEqual(calls, [4, 2]);
});

Deno.test("when orders without payments cannot be closed together, they are claimed and settled like others", async () => {
  const { orders, stripe } = unpaidOrders(1);
  const { database, settled } = strictDatabase([{ orders }], (decisions) => {
    if (closes(decisions, "bare1")) throw refusedBy("P0001");
  });
  database.expireWithoutPayments = () => Promise.reject(refusedBy("P0001"));
  const bare = [["bare0", "bare1", "bare2"].map((id) => order({ id, payments: [] }))];
  database.claimWithoutPayments = () => Promise.resolve({ orders: bare.shift() ?? [], unreadable: [] });
  const { result } = await runJob({ database, gateway: stripe.gateway });
  assert.deepEqual(linesOf(settled).sort(), [
    "bare0 expired no_payment",
    "bare1 retry settlement_refused",
    "bare2 expired no_payment",
    "o0 expired all_dead",
  ]);
  assert.equal(result.status, "partial");
});

Deno.test("when the database gives up on orders without payments, those with payments are worked off, and the run says so", async () => {
  const { orders, stripe } = unpaidOrders(2);
  const { database, settled } = databaseOf([{ orders: orders.slice(0, 1) }, {}, { orders: orders.slice(1) }]);
  database.expireWithoutPayments = () => Promise.reject(refusedBy("55P03"));
  const { result } = await runJob({ database, gateway: stripe.gateway });
  assert.deepEqual(linesOf(settled), ["o0 expired all_dead", "o1 expired all_dead"]);
  assert.deepEqual([result.status, result.workLeft], ["partial", false]);
  assert.match(result.error!, /current value is no/);
});

Deno.test("what else happens while orders without payments are closed is the run's", async () => {
  const { database } = databaseOf([]);
  database.expireWithoutPayments = () => Promise.reject(lost);
  await assert.rejects(runJob({ database, gateway: unpaidOrders(0).stripe.gateway }), lost);
});
