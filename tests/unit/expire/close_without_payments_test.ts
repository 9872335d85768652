import assert from "node:assert/strict";
import { DatabaseError, LeaseLostError } from "../../../functions/_shared/errors.ts";
import { at, databaseOf, linesOf, NOW, order, runJob, unpaidOrders } from "./shop.ts";

const timeout = new DatabaseError("Cannot call lapse_close_without_payments: no", { code: "55P03" });

/** A database with so many due orders without payments that closes at most `most` in one statement. */
function bareOrders(count: number, most = Infinity) {
  const sizes: number[] = [];
  let left = count;
  let size = 5_000;
  const it = databaseOf([{ orders: unpaidOrders(1) }], {
    closeWithoutPayments: (_, limit) => {
      sizes.push(limit);
      if (Math.min(limit, left) > most) return Promise.reject(timeout);
      const expired = Math.min(limit, left);
      left -= expired;
      return Promise.resolve({ expired, unitsReleased: 2 * expired, moved: expired });
    },
    claimWithoutPayments: () => Promise.resolve({ orders: [], unreadable: [] }),
    shrinkCloseBatch: () => Promise.resolve(size = Math.max(1, Math.floor(size / 2))),
  });
  return { ...it, sizes, left: () => left };
}

Deno.test("orders without payments are closed in batches until none is left, before any other is claimed", async () => {
  const { database, sizes, calls, settled } = bareOrders(12_000);
  const { result } = await runJob({ database });
  assert.deepEqual([sizes, result.status], [[5_000, 5_000, 5_000, 5_000], "succeeded"]);
  assert.deepEqual(calls.slice(0, 2), ["listCursors", "closeWithoutPayments"]);
  assert.ok(calls.indexOf("claimOrders") > calls.lastIndexOf("closeWithoutPayments"));
  assert.deepEqual(linesOf(settled), ["o0 expired all_dead"]);
});

Deno.test("a statement that takes too long is retried with half as many orders", async () => {
  const { database, sizes, left } = bareOrders(3_000, 700);
  const { result } = await runJob({ database });
  assert.deepEqual(sizes.slice(0, 5), [5_000, 2_500, 1_250, 625, 625]);
  assert.deepEqual([left(), result.status], [0, "succeeded"]);
});

Deno.test("if even one order cannot be closed in time, orders with payments are still settled and the run reports it", async () => {
  const { database, settled } = bareOrders(3, 0);
  const bare = [[order("bare0", { payments: [] })]];
  database.claimWithoutPayments = () => Promise.resolve({ orders: bare.shift() ?? [], unreadable: [] });
  const settle = database.settleOrders;
  database.settleOrders = (lease, decisions) =>
    decisions.some(({ reason }) => reason === "no_payment") ? Promise.reject(timeout) : settle(lease, decisions);
  const { result } = await runJob({ database });
  assert.deepEqual(linesOf(settled), ["bare0 handed_back not_settled_in_time", "o0 expired all_dead"]);
  assert.deepEqual([result.status, result.workLeft], ["partial", false]);
  assert.match(result.error!, /lapse_close_without_payments: no/);
});

Deno.test("if the oldest order cannot be closed in time, those behind it are settled one by one", async () => {
  const { database, settled } = bareOrders(3, 0);
  const bare = [["bare0", "bare1", "bare2"].map((ref) => order(ref, { payments: [] }))];
  database.claimWithoutPayments = () => Promise.resolve({ orders: bare.shift() ?? [], unreadable: [] });
  const settle = database.settleOrders;
  database.settleOrders = (lease, decisions) =>
    decisions.some(({ ref, outcome }) => ref === "bare0" && outcome === "expired")
      ? Promise.reject(timeout)
      : settle(lease, decisions);
  await runJob({ database });
  assert.deepEqual(linesOf(settled), [
    "bare0 handed_back not_settled_in_time",
    "bare1 expired no_payment",
    "bare2 expired no_payment",
    "o0 expired all_dead",
  ]);
});

Deno.test("a run closes and claims no more orders than it was asked to, both kinds together", async () => {
  const { database, sizes, asked } = bareOrders(7);
  await runJob({ database, limit: 10, settings: { closeBatch: 5, batchesAtOnce: 1 } });
  assert.deepEqual([sizes, asked[0]], [[5, 5, 3], 3]);
  const all = bareOrders(30);
  await runJob({ database: all.database, limit: 10 });
  assert.deepEqual([all.sizes, all.asked, all.left()], [[10], [], 20]);
});

Deno.test("orders that are postponed instead of closed do not keep a run busy forever", async () => {
  let calls = 0;
  const { database } = databaseOf([], {
    closeWithoutPayments: () => Promise.resolve({ expired: 0, unitsReleased: 0, moved: ++calls }),
  });
  await runJob({ database });
  assert.equal(calls, 2);
});

Deno.test("a run that is out of time closes nothing more and hands over", async () => {
  let calls = 0;
  const { database, asked } = databaseOf([], {
    closeWithoutPayments: () => Promise.resolve({ expired: 5_000, unitsReleased: 0, moved: ++calls }),
  });
  const { result } = await runJob({ database, now: () => calls < 3 ? NOW : at(40_000) });
  assert.deepEqual([calls, asked, result.status, result.workLeft], [3, [], "partial", true]);
});

Deno.test("any other error while orders without payments are closed is the run's", async () => {
  const lost = new LeaseLostError("Cannot go on: another run took over", { code: "LP001" });
  const { database } = databaseOf([], { closeWithoutPayments: () => Promise.reject(lost) });
  await assert.rejects(runJob({ database }), lost);
});
