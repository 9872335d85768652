import assert from "node:assert/strict";
import { refusal, withSimulator } from "./with-simulator.ts";

Deno.test("endpoints that are not simulated answer with an unrecognized URL", () =>
  withSimulator({}, async ({ stripe, simulator, control }) => {
    const error = await refusal(stripe.customers.list());
    assert.equal(error.statusCode, 404);
    assert.match(error.message, /^Unrecognized request URL \(GET: \/v1\/customers\)/);
    const reply = await fetch(`${simulator.apiBase}/v1/payment_intents/pi_1/cancel`, {
      headers: { Authorization: "Bearer sk_test_simulated" },
    });
    assert.equal(reply.status, 404);
    await reply.body?.cancel();
    assert.equal(control.countCalls(), 2);
  }));

Deno.test("the control API is never on the port of /v1", () =>
  withSimulator({}, async ({ simulator }) => {
    const reply = await fetch(`${simulator.apiBase}/countIntents`, { method: "POST" });
    assert.equal(reply.status, 401);
    await reply.body?.cancel();
  }));

Deno.test("a missing, malformed or revoked key is a 401, a forbidden endpoint a 403", () =>
  withSimulator({}, async ({ simulator, client, control }) => {
    const bare = await fetch(`${simulator.apiBase}/v1/payment_intents`);
    assert.equal(bare.status, 401);
    assert.match((await bare.json()).error.message, /You did not provide an API key/);
    assert.match((await refusal(client("pk_nonsense").paymentIntents.list())).message, /Invalid API Key provided/);
    control.revokeKey({ key: "sk_test_old" });
    const revoked = await refusal(client("sk_test_old").paymentIntents.list());
    assert.deepEqual([revoked.type, revoked.code], ["StripeAuthenticationError", "api_key_expired"]);
    control.forbidKey({ key: "rk_test_narrow", endpoints: ["payment_intents.cancel"] });
    const narrow = client("rk_test_narrow");
    await narrow.paymentIntents.list();
    assert.equal((await refusal(narrow.paymentIntents.cancel("pi_1"))).type, "StripePermissionError");
    control.restoreKey({ key: "rk_test_narrow" });
    assert.equal((await refusal(narrow.paymentIntents.cancel("pi_1"))).statusCode, 404);
  }));

Deno.test("the key's mode and the account decide what can be seen", () =>
  withSimulator({}, async ({ stripe, client, control }) => {
    const [live, connected] = control.createPaymentIntents([{ livemode: true }, { account: "acct_shop" }]);
    const hidden = await refusal(stripe.paymentIntents.retrieve(live!));
    assert.deepEqual([hidden.statusCode, hidden.code], [404, "resource_missing"]);
    assert.match(hidden.message, /a similar object exists in live mode, but a test mode key was used/);
    assert.equal((await client("sk_live_simulated").paymentIntents.retrieve(live!)).livemode, true);
    assert.match((await refusal(stripe.paymentIntents.cancel(connected!))).message, /^No such payment_intent: 'pi_/);
    const found = await stripe.paymentIntents.retrieve(connected!, {}, { stripeAccount: "acct_shop" });
    assert.equal(found.id, connected);
  }));

Deno.test("an account that is not connected is a 403, and a key can have an account of its own", () =>
  withSimulator({ connectedAccounts: ["acct_known"] }, async ({ stripe, client, control }) => {
    await stripe.paymentIntents.list({}, { stripeAccount: "acct_known" });
    const error = await refusal(stripe.paymentIntents.list({}, { stripeAccount: "acct_stranger" }));
    assert.deepEqual([error.statusCode, error.code], [403, "account_invalid"]);
    control.setKeyAccount({ key: "sk_test_other", account: "acct_elsewhere" });
    const [id] = control.createPaymentIntents([{}]);
    assert.equal((await refusal(client("sk_test_other").paymentIntents.retrieve(id!))).statusCode, 404);
  }));

Deno.test("unknown, missing and wrong parameters are refused by name", () =>
  withSimulator({}, async ({ stripe }) => {
    const create = (params: object) => refusal(stripe.paymentIntents.create(params as never));
    assert.deepEqual((await create({ amount: 1, currency: "eur", bogus: 1 })).code, "parameter_unknown");
    assert.deepEqual((await create({ currency: "eur" })).code, "parameter_missing");
    assert.deepEqual((await create({ amount: "1.5", currency: "eur" })).code, "parameter_invalid_integer");
    const reason = await refusal(stripe.paymentIntents.cancel("pi_1", { cancellation_reason: "bored" as never }));
    assert.equal(reason.param, "cancellation_reason");
    const expand = await refusal(stripe.paymentIntents.retrieve("pi_1", { expand: ["client_secret"] }));
    assert.match(expand.message, /cannot be expanded/);
  }));
