import assert from "node:assert/strict";
import { keyedGateway } from "../../../functions/cleanup-stale-payment-intents/keyed-gateway.ts";
import { fakeStripe } from "../stripe/fake-stripe.ts";

Deno.test("the clean-up's idempotency keys are never those of the other job", async () => {
  const keys: string[] = [];
  const gateway = keyedGateway(
    {
      ...fakeStripe({}).gateway,
      cancelIntent: (_ref, { idempotencyKey }) => record(idempotencyKey),
      expireSession: (_ref, { idempotencyKey }) => record(idempotencyKey),
    },
    "cleanup",
  );
  await gateway.cancelIntent({ id: "pi_1", account: null }, { idempotencyKey: "lapse:pi_1:7" });
  await gateway.expireSession({ id: "cs_1", account: null }, { idempotencyKey: "lapse:cs_1:7" });
  assert.deepEqual(keys, ["lapse:pi_1:7:cleanup", "lapse:cs_1:7:cleanup"]);

  // deno-lint-ignore no-explicit-any
  function record(key: string): Promise<any> {
    keys.push(key);
    return Promise.resolve(null);
  }
});
