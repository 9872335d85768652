import assert from "node:assert/strict";
import { refusal, withSimulator } from "./with-simulator.ts";

Deno.test("a list is newest first, ties in the order of arrival, with ten rows by default", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const ids = control.createPaymentIntents([{ count: 12, created: 1_700_000_000 }]);
    const [older] = control.createPaymentIntents([{ created: 1_600_000_000 }]);
    const first = await stripe.paymentIntents.list();
    assert.deepEqual(first.data.map((intent) => intent.id), ids.toReversed().slice(0, 10));
    assert.equal(first.has_more, true);
    const rest = await stripe.paymentIntents.list({ starting_after: first.data.at(-1)!.id });
    assert.deepEqual(rest.data.map((intent) => intent.id), [ids[1], ids[0], older]);
    assert.equal(rest.has_more, false);
    assert.equal(rest.url, "/v1/payment_intents");
  }));

Deno.test("ending_before returns the page directly before the cursor", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const ids = control.createPaymentIntents([{ count: 6, created: 1_700_000_000, createdStep: 10 }]);
    const page = await stripe.paymentIntents.list({ ending_before: ids[1]!, limit: 3 });
    assert.deepEqual(page.data.map((intent) => intent.id), [ids[4], ids[3], ids[2]]);
    assert.equal(page.has_more, true);
  }));

Deno.test("created narrows a list at both ends, each of the four ways", () =>
  withSimulator({}, async ({ stripe, control }) => {
    control.createPaymentIntents([{ count: 5, created: 100, createdStep: 1 }]);
    const among = async (created: number | Record<string, number>) =>
      (await stripe.paymentIntents.list({ created })).data.map((intent) => intent.created);
    assert.deepEqual(await among({ gte: 101, lt: 104 }), [103, 102, 101]);
    assert.deepEqual(await among({ gt: 101, lte: 103 }), [103, 102]);
    assert.deepEqual(await among(102), [102]);
    assert.deepEqual(await among({ gt: 104 }), []);
  }));

Deno.test("sessions are listed like intents: newest first, by created and status, page by page, each account its own", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const made = control.createCheckoutSessions([
      { count: 5, created: 100, createdStep: 1 },
      { status: "complete", created: 102 },
    ]).map(({ id }) => id);
    control.createCheckoutSessions([{ account: "acct_other", id: "cs_test_other", created: 103 }]);
    const { data } = await stripe.checkout.sessions.list({ created: { gte: 101, lt: 104 } });
    assert.deepEqual(data.map(({ id }) => id), [made[3], made[5], made[2], made[1]]);
    const open = await stripe.checkout.sessions.list({ status: "open", limit: 2, starting_after: made[3] });
    assert.deepEqual([open.data.map(({ id }) => id), open.has_more], [[made[2], made[1]], true]);
    const other = await stripe.checkout.sessions.list({}, { stripeAccount: "acct_other" });
    assert.deepEqual(other.data.map(({ id }) => id), ["cs_test_other"]);
  }));

Deno.test("every reply is dated by the simulated clock, a refusal too", () =>
  withSimulator({}, async ({ simulator, control }) => {
    control.setClock({ at: "2026-03-01T12:00:00Z", frozen: true });
    const dateOf = async (path: string) => {
      const headers = { authorization: "Bearer sk_test_simulated" };
      const response = await fetch(`${simulator.apiBase}/v1/${path}`, { headers });
      await response.body?.cancel();
      return response.headers.get("date");
    };
    for (const path of ["payment_intents", "checkout/sessions", "payment_intents/pi_unknown"]) {
      assert.equal(await dateOf(path), "Sun, 01 Mar 2026 12:00:00 GMT");
    }
    control.setBehaviour({ dateOffsetMs: -90_000 });
    assert.equal(await dateOf("payment_intents"), "Sun, 01 Mar 2026 11:58:30 GMT");
    control.addFault({ kind: "no_date", endpoint: "payment_intents.list" });
    assert.equal(await dateOf("payment_intents"), null);
  }));

Deno.test("a page can be empty and say that more follows", () =>
  withSimulator({}, async ({ stripe, control }) => {
    control.createPaymentIntents([{ count: 3 }]);
    control.addFault({ kind: "empty_page", endpoint: ["payment_intents.list", "checkout.sessions.list"], nth: 2 });
    const pages = [await stripe.paymentIntents.list(), await stripe.checkout.sessions.list()];
    assert.deepEqual(pages.map(({ data, has_more }) => [data.length, has_more]), [[3, false], [0, true]]);
  }));

Deno.test("cancelling while paging neither drops nor repeats a row", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const ids = control.createPaymentIntents([{ count: 250, created: 1_700_000_000, createdStep: 1 }]);
    const seen: string[] = [];
    for await (const intent of stripe.paymentIntents.list({ limit: 100 })) {
      seen.push(intent.id);
      if (seen.length % 3 === 0) await stripe.paymentIntents.cancel(intent.id);
      if (seen.length === 50) await stripe.paymentIntents.create({ amount: 100, currency: "eur" });
    }
    assert.deepEqual(seen, ids.toReversed());
  }));

Deno.test("a list refuses a status filter, bad limits, two cursors and unknown cursors", () =>
  withSimulator({}, async ({ stripe }) => {
    const list = (params: Record<string, unknown>) => refusal(stripe.paymentIntents.list(params));
    const status = await list({ status: "succeeded" });
    assert.deepEqual([status.statusCode, status.code, status.param], [400, "parameter_unknown", "status"]);
    for (const limit of [0, 101]) assert.equal((await list({ limit })).param, "limit");
    assert.equal((await list({ limit: "many" })).code, "parameter_invalid_integer");
    assert.equal((await list({ starting_after: "pi_a", ending_before: "pi_b" })).code, "parameters_exclusive");
    assert.equal((await list({ starting_after: "pi_unknown" })).code, "resource_missing");
    assert.equal((await list({ created: { from: 1 } })).param, "created[from]");
  }));

Deno.test("search finds by status, created and metadata, and pages with its own cursor", () =>
  withSimulator({}, async ({ stripe, control }) => {
    control.createPaymentIntents([
      { count: 5, created: 100, createdStep: 1, metadata: { order_id: "o-{n}" } },
      { status: "succeeded", created: 200 },
    ]);
    const find = (query: string) => stripe.paymentIntents.search({ query, limit: 100 });
    assert.equal((await find("status:'requires_payment_method' AND created<103")).data.length, 3);
    assert.equal((await find("metadata['order_id']:'o-4'")).data.length, 1);
    assert.equal((await find("-status:'succeeded'")).data.length, 5);
    assert.equal((await find("status:'succeeded' OR created:100")).data.length, 2);
    assert.equal((await refusal(find("amount~3"))).statusCode, 400);
    const first = await stripe.paymentIntents.search({ query: "created>0", limit: 4 });
    const second = await stripe.paymentIntents.search({ query: "created>0", limit: 4, page: first.next_page! });
    assert.deepEqual([first.data.length, second.data.length, second.has_more], [4, 2, false]);
  }));

Deno.test("search lags behind and shows an old status, a list never does", () =>
  withSimulator({ behaviour: { searchLagMs: 60_000 } }, async ({ stripe, control }) => {
    const [id] = control.createPaymentIntents([{}]);
    const query = "status:'requires_payment_method'";
    assert.equal((await stripe.paymentIntents.search({ query })).data.length, 0);
    control.advanceClock({ ms: 61_000 });
    await stripe.paymentIntents.cancel(id!);
    assert.equal((await stripe.paymentIntents.search({ query })).data[0]?.id, id);
    assert.equal((await stripe.paymentIntents.list()).data[0]?.status, "canceled");
    control.advanceClock({ ms: 61_000 });
    assert.equal((await stripe.paymentIntents.search({ query })).data.length, 0);
  }));

Deno.test("pages are found among 200,000 intents created in any order", () =>
  withSimulator({}, async ({ stripe, control }) => {
    control.createPaymentIntents([
      { count: 100_000, created: 1_700_000_000, createdStep: 1 },
      { count: 100_000, created: 1_600_000_000, createdStep: 1 },
    ]);
    for (let i = 0; i < 20; i++) {
      const created = { gte: 1_600_000_000 + i * 4000, lt: 1_600_000_000 + i * 4000 + 3600 };
      assert.equal((await stripe.paymentIntents.list({ limit: 100, created })).data.length, 100);
    }
  }));
