import assert from "node:assert/strict";
import { withSimulator } from "./with-simulator.ts";

Deno.test("the control API does over HTTP what the object does in process", () =>
  withSimulator({}, async ({ simulator, control, stripe }) => {
    const call = async (method: string, argument?: unknown) => {
      const body = argument === undefined ? undefined : JSON.stringify(argument);
      const reply = await fetch(`${simulator.controlUrl}/${method}`, { method: "POST", body });
      return { status: reply.status, ...await reply.json() };
    };
    const { result: [id] } = await call("createPaymentIntents", [{ metadata: { order_id: "o1" }, amount: 700 }]);
    assert.equal((await stripe.paymentIntents.retrieve(id)).amount, 700);
    assert.equal((await call("customer", { id, verb: "confirm_ok" })).result.status, "succeeded");
    assert.equal((await call("orderMoney", { orderId: "o1" })).result.chargedAmount, 700);
    assert.deepEqual((await call("countIntents")).result, { succeeded: 1 });
    assert.equal((await call("calls", { endpoint: "payment_intents.retrieve" })).result.length, 1);
    assert.equal((await call("setClock", { at: "2030-01-01T00:00:00Z", frozen: true })).status, 200);
    assert.equal((await call("now")).result, "2030-01-01T00:00:00.000Z");
    assert.equal((await call("addFault", { kind: "error_503" })).result, control.faults()[0]!.id);
    assert.equal((await call("addFault", { kind: "misspelt" })).status, 400);
    assert.equal((await call("createPaymentIntents", [{ stauts: "x" }])).status, 400);
    assert.equal((await call("paymentIntent", { id: "pi_unknown" })).status, 409);
    assert.equal((await call("nonsense")).status, 404);
    assert.equal((await call("setLimits", { preset: "live", globalPerSecond: 7 })).result.globalPerSecond, 7);
  }));

Deno.test("100,000 intents are put in place at once, each with its own order", () =>
  withSimulator({}, ({ control }) => {
    const ids = control.createPaymentIntents([{ count: 100_000, metadata: { order_id: "order-{n}" } }]);
    assert.equal(new Set(ids).size, 100_000);
    assert.equal(control.paymentIntent({ id: ids[99_999]! }).metadata.order_id, "order-99999");
    return Promise.resolve();
  }));

Deno.test("objects are dumped by account, mode, status and order", () =>
  withSimulator({}, ({ control }) => {
    control.createPaymentIntents([
      { metadata: { order_id: "o1" } },
      { metadata: { order_id: "o1" }, status: "succeeded" },
      { livemode: true },
      { account: "acct_shop" },
    ]);
    assert.equal(control.paymentIntents({ orderId: "o1" }).length, 2);
    assert.equal(control.paymentIntents({ orderId: "o1", status: "succeeded" }).length, 1);
    assert.equal(control.paymentIntents({ livemode: true }).length, 1);
    assert.equal(control.paymentIntents({ account: "acct_shop" }).length, 1);
    return Promise.resolve();
  }));

Deno.test("the same seed hands out the same ids, two simulators without one never do", async () => {
  const firstId = async (seed?: number) => {
    let id = "";
    await withSimulator({ seed }, ({ control }) => Promise.resolve(void (id = control.createPaymentIntents([{}])[0]!)));
    return id;
  };
  assert.equal(await firstId(5), await firstId(5));
  assert.notEqual(await firstId(), await firstId());
});
