import assert from "node:assert/strict";
import { checkContract, sandboxKey } from "../../local/stripe-simulator/contract.ts";
import { withSimulator } from "./with-simulator.ts";

Deno.test("the simulator keeps the contract that a Stripe sandbox can be held to", () =>
  withSimulator({ strict: true }, async ({ stripe, control }) => {
    const differing = (await checkContract(stripe)).filter((result) => result.difference !== null);
    assert.deepEqual(differing, []);
    const left = control.countIntents();
    assert.deepEqual(Object.keys(left).sort(), ["canceled", "succeeded"]);
    assert.ok(control.ledger().length > 0);
  }));

Deno.test("the contract never runs with a live key", () => {
  assert.throws(() => sandboxKey("sk_live_x"), /Cannot use STRIPE_CONTRACT_KEY/);
  assert.equal(sandboxKey(undefined), null);
});
