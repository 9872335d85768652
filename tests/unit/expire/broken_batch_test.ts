import assert from "node:assert/strict";
import { DatabaseError, LeaseLostError } from "../../../functions/_shared/errors.ts";
import type { StripeGateway } from "../../../functions/_shared/stripe/gateway.ts";
import { databaseOf, runJob, unpaidOrders } from "./shop.ts";

const gone = new DatabaseError("Cannot call jobs_claim_orders: current value is Bad Gateway", { code: "502" });

/** The gateway, with a moment's wait before every call: the other batch breaks meanwhile. */
function slow(gateway: StripeGateway): StripeGateway {
  const wait = () => new Promise((resolve) => setTimeout(resolve, 5));
  return {
    ...gateway,
    readIntent: (ref) => wait().then(() => gateway.readIntent(ref)),
    cancelIntent: (ref, key) => wait().then(() => gateway.cancelIntent(ref, key)),
  };
}

Deno.test("when a claim breaks, the other batches settle what they hold before the run ends", async () => {
  const { orders, stripe } = unpaidOrders(2);
  const { database, settled } = databaseOf([{ orders }, gone]);
  let callsAtTheEnd = 0;
  await assert.rejects(
    runJob({ database, gateway: slow(stripe.gateway) }).finally(() => callsAtTheEnd = stripe.calls.length),
    gone,
  );
  assert.deepEqual(settled.map(({ outcome }) => outcome), ["expired", "expired"]);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(stripe.calls.length, callsAtTheEnd, "nothing is asked after the lease was given back");
});

Deno.test("when a claim breaks, no further order is begun, and the rest goes back", async () => {
  const { orders, stripe } = unpaidOrders(100);
  const { database, settled, asked } = databaseOf([{ orders }, gone]);
  await assert.rejects(runJob({ database, gateway: slow(stripe.gateway) }), gone);
  const handedBack = settled.filter(({ outcome }) => outcome === "handed_back");
  assert.equal(settled.length, 100);
  assert.ok(handedBack.length > 0 && handedBack.length < 100, `${handedBack.length} handed back`);
  assert.ok(asked.length <= 2, `${asked.length} claims`);
});

Deno.test("the first of several errors is the run's; the log has all of them", async () => {
  const { orders, stripe } = unpaidOrders(1);
  const { database } = databaseOf([{ orders }, gone]);
  const lost = new LeaseLostError("Cannot go on as another run took over: current value is 7", { code: "LP001" });
  database.settleOrders = () => Promise.reject(lost);
  await assert.rejects(runJob({ database, gateway: slow(stripe.gateway) }), gone);
});
