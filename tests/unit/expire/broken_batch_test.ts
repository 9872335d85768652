import assert from "node:assert/strict";
import { DatabaseError, LeaseLostError } from "../../../functions/_shared/errors.ts";
import { databaseOf, runJob, stripeOf, unpaidOrders } from "./shop.ts";

const gone = new DatabaseError("Cannot call lapse_claim_orders: Bad Gateway", { code: "502" });
/** A short wait before every answer, during which the other batch fails. */
const slow = () => stripeOf({}, 5);

Deno.test("if a claim fails, the other batches settle their orders before the run ends", async () => {
  const stripe = slow();
  const { database, settled } = databaseOf([{ orders: unpaidOrders(2) }, gone]);
  let callsAtTheEnd = 0;
  await assert.rejects(
    runJob({ database, gateway: stripe.gateway }).finally(() => callsAtTheEnd = stripe.calls.length),
    gone,
  );
  assert.deepEqual(settled.map(({ outcome }) => outcome), ["expired", "expired"]);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(stripe.calls.length, callsAtTheEnd, "nothing is asked after the lease was given back");
});

Deno.test("if a claim fails, no further order is begun and the rest is handed back", async () => {
  const { database, settled, asked } = databaseOf([{ orders: unpaidOrders(100) }, gone]);
  await assert.rejects(runJob({ database, gateway: slow().gateway }), gone);
  const handedBack = settled.filter(({ outcome }) => outcome === "handed_back");
  assert.equal(settled.length, 100);
  assert.ok(handedBack.length > 0 && handedBack.length < 100, `${handedBack.length} handed back`);
  assert.ok(asked.length <= 2, `${asked.length} claims`);
});

Deno.test("the first of several errors is the run's", async () => {
  const { database } = databaseOf([{ orders: unpaidOrders(1) }, gone]);
  const lost = new LeaseLostError("Cannot go on: another run took over", { code: "LP001" });
  database.settleOrders = () => Promise.reject(lost);
  await assert.rejects(runJob({ database, gateway: slow().gateway }), gone);
});

Deno.test("an order that cannot be read is a failed attempt, and the others are decided", async () => {
  for (const dryRun of [false, true]) {
    const unreadable = [{ ref: "odd", attempt: 4, issue: "currency: too long" }];
    const { database, settled } = databaseOf([{ orders: unpaidOrders(2), unreadable }]);
    const { result, lines } = await runJob({ database, dryRun });
    const decided = (dryRun ? result.preview!.decisions : settled).map(({ outcome, reason }) => `${outcome} ${reason}`);
    const expired = dryRun ? "expired would_expire" : "expired all_dead";
    assert.deepEqual(decided.sort(), [expired, expired, "retry order_unreadable"]);
    assert.deepEqual(lines.filter(([event]) => event === "order_unreadable"), [
      ["order_unreadable", { ref: "odd", issue: "currency: too long" }],
    ]);
    if (!dryRun) assert.equal(result.status, "partial");
  }
});
