import assert from "node:assert/strict";
import { withShop } from "../integration/support.ts";
import { cli, cliJson, withKey } from "./command-line.ts";

Deno.test("a run is started, followed to its end and told, with progress apart from the answer", async () => {
  await withShop({ paced: true }, async (shop) => {
    await shop.placeUnpaidOrders(20);
    const { code, stdout, stderr } = await cli(["run:expire", "--wait", "--json"], withKey(shop));
    assert.equal(code, 0, stderr);
    const run = JSON.parse(stdout);
    assert.deepEqual([run.status, run.payments_expired, run.trigger], ["succeeded", 20, "server"]);
    assert.match(stderr, /\d+ s {2}\w+/, "no progress was told");
  });
});

Deno.test("without --wait the run's id is answered at once, and the run works on", async () => {
  await withShop({}, async (shop) => {
    const { code, json } = await cliJson(["run:cleanup"], withKey(shop));
    assert.equal(code, 0);
    for (let n = 0; n < 100; n++) {
      const [run] = await shop.sql`select status from public.job_runs where id = ${json.runId}`;
      if (run?.status === "succeeded") return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.fail("the run did not end");
  });
});

Deno.test("a dry run tells what would be decided and changes nothing", async () => {
  await withShop({}, async (shop) => {
    const [first] = await shop.placeUnpaidOrders(3);
    const { code, json } = await cliJson(["run:expire", "--dry-run", "--limit", "2"], withKey(shop));
    assert.equal(code, 0);
    assert.deepEqual(json.decisions.map((it: { reason: string }) => it.reason), ["would_expire", "would_expire"]);
    assert.equal((await shop.orderOf(first!)).status, "pending");
  });
});

Deno.test("a braked run ends with 1; releasing the brake takes a reason, which stays with the run", async () => {
  await withShop({}, async (shop) => {
    await shop.sql`update jobs.settings set brake_threshold = 2`;
    await shop.placeUnpaidOrders(5);
    const braked = await cli(["run:expire", "--wait"], withKey(shop));
    assert.equal(braked.code, 1);
    assert.match(braked.stdout, /braked .*\n.*\n.*More than 2 orders are due/);
    assert.doesNotMatch(braked.stdout, /left due/, "nobody counted what is left");
    assert.match(braked.stdout, /--dry-run --limit 20; release: .* \(L007\)\n/);

    const args = ["run:expire", "--wait", "--release-brake", "--reason", "checked", "--limit", "3"];
    const { code, json } = await cliJson(args, withKey(shop));
    assert.equal(code, 0);
    assert.deepEqual([json.payments_expired, json.reason], [3, "checked"]);
  });
});

Deno.test("a run that could not decide an order says so once, and why", async () => {
  await withShop({}, async (shop) => {
    await shop.addIntent(await shop.placeOrder());
    shop.stripe.addFault({ kind: "reset", endpoint: "payment_intents.cancel" });
    const { stdout } = await cli(["run:expire", "--wait"], withKey(shop));
    assert.match(stdout, /: partial after .*\n {2}1 to be tried again\n {2}tried again: 1 × connection_lost: [A-Z]/);
    assert.doesNotMatch(stdout, /could not be decided/);
    shop.stripe.clearFaults();
  });
});

Deno.test("synchronising asks Stripe about that order alone, now, and settles it, whatever it was waiting for", async () => {
  await withShop({}, async (shop) => {
    const asked = await shop.placeOrder({ minutesAgo: 60 });
    const intent = await shop.addIntent(asked, { status: "processing" });
    const other = await shop.placeOrder({ minutesAgo: 120 });
    await shop.addIntent(other, { status: "processing" });
    await shop.run();
    const bare = await shop.placeOrder({ minutesAgo: 240 });
    const older = await shop.placeOrder({ minutesAgo: 300 });
    await shop.addIntent(older);
    assert.equal((await shop.orderOf(asked)).status, "pending");
    assert.ok((await shop.stripe.customer({ id: intent, verb: "async_settle" })).accepted);
    const mark = shop.stripe.mark();

    const { code, json } = await cliJson(["sync", asked, "--reason", "the customer called"], withKey(shop));
    assert.equal(code, 0, JSON.stringify(json));
    assert.deepEqual([json.run.order_id, json.run.requested_by, json.run.reason], [
      asked,
      "cli:tester",
      "the customer called",
    ]);
    assert.deepEqual([json.order.status, json.order.status_reason, json.order.attempt], ["paid", "paid", 2]);
    assert.equal((await shop.orderOf(other)).attempt, 1, "another order was asked about");
    for (const id of [bare, older]) {
      assert.equal((await shop.orderOf(id)).status, "pending", "another order was closed");
    }
    const paths = shop.stripe.calls({ since: mark }).map(({ path }) => path);
    assert.deepEqual(paths, [`/v1/payment_intents/${intent}`]);
  });
});

Deno.test("synchronising works while the brake is on, and leaves it on for the others", async () => {
  await withShop({}, async (shop) => {
    await shop.sql`update jobs.settings set brake_threshold = 1`;
    const [, , asked] = await shop.placeUnpaidOrders(3);
    assert.equal((await shop.run()).status, "braked");
    const { code, json } = await cliJson(["sync", asked!, "--reason", "one of them first"], withKey(shop));
    assert.deepEqual([code, json.order.status], [0, "expired"]);
    assert.equal((await cliJson(["alerts"], withKey(shop))).json[0].key, "brake:expire-stale-orders");
  });
});

Deno.test("a synchronisation that ran out of time goes on with the same order", async () => {
  await withShop({}, async ({ sql, placeOrder }) => {
    const order = await placeOrder();
    const [asked] = await sql`select public.jobs_sync_order(${order}, 'why', 'ann') ->> 'runId' as id`;
    await sql`select public.jobs_begin_run(p_run_id => ${
      asked!.id
    }, p_job => 'expire-stale-orders', p_trigger => 'server')`;
    await sql`select public.jobs_finish_run(p_run_id => ${asked!.id}, p_status => 'partial')`;
    const [next] = await sql`select public.jobs_continue_run(${asked!.id}) as id`;
    const [run] = await sql`select order_id, trigger from public.job_runs where id = ${next!.id}`;
    assert.deepEqual({ ...run }, { order_id: order, trigger: "continuation" });
  });
});

Deno.test("an order without payments is synchronised, too", async () => {
  await withShop({}, async (shop) => {
    const bare = await shop.placeOrder();
    const { json } = await cliJson(["sync", bare, "--reason", "why"], withKey(shop));
    assert.deepEqual([json.order.status, json.order.status_reason], ["expired", "no_payment"]);
  });
});

Deno.test("an order that the customer may still pay, or that is closed, is not synchronised", async () => {
  await withShop({}, async (shop) => {
    const fresh = await shop.placeOrder({ minutesAgo: 5 });
    await shop.addIntent(fresh);
    const early = await cliJson(["sync", fresh, "--reason", "why"], withKey(shop));
    assert.equal(early.code, 1);
    assert.match(early.json.error.message, /the customer may still pay it until/);
    const closed = await shop.placeOrder();
    await shop.run();
    assert.match((await cliJson(["sync", closed, "--reason", "why"], withKey(shop))).json.error.message, /is expired$/);
    assert.equal(shop.stripe.mark(), 0, "Stripe was asked");
    assert.equal((await shop.orderOf(fresh)).status, "pending");
  });
});

Deno.test("while another run works, synchronising waits for its turn", async () => {
  await withShop({}, async (shop) => {
    const order = await shop.placeOrder();
    await shop.addIntent(order);
    const other = crypto.randomUUID();
    await shop
      .sql`select public.jobs_begin_run(p_run_id => ${other}, p_job => 'expire-stale-orders', p_trigger => 'server')`;
    const syncing = cliJson(["sync", order, "--reason", "why"], withKey(shop));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await shop.sql`select public.jobs_finish_run(p_run_id => ${other}, p_status => 'succeeded')`;
    const { code, json } = await syncing;
    assert.deepEqual([code, json.run.status, json.order.status], [0, "succeeded", "expired"], JSON.stringify(json));
  });
});

Deno.test("a quarantined order is redriven with a reason, and only that", async () => {
  await withShop({}, async (shop) => {
    const order = await shop.placeOrder();
    await shop
      .sql`select public.attach_payment(p_order_id => ${order}, p_kind => 'payment_intent', p_stripe_id => 'pi_gone')`;
    await shop.run();
    assert.equal((await shop.orderOf(order)).status, "quarantined");
    const { code } = await cliJson(["redrive", order, "--reason", "key replaced"], withKey(shop));
    assert.equal(code, 0);
    assert.deepEqual((await shop.orderOf(order)).reason, "redriven by cli:tester: key replaced");
    assert.equal((await cli(["redrive", order, "--reason", "again"], withKey(shop))).code, 1);
    // So that nothing is asked about a payment that Stripe never had.
    await shop.run();
  });
});

Deno.test("a payment that nobody can end is declared dead with a reason, and only that", async () => {
  await withShop({}, async (shop) => {
    const order = await shop.placeOrder();
    const spec = { status: "complete", paymentStatus: "unpaid", intentStatus: "requires_payment_method" } as const;
    const session = await shop.addSession(order, spec);
    const early = await cliJson(["declare-dead", session, "--reason", "too early"], withKey(shop));
    assert.equal(early.code, 1);
    assert.match(
      early.json.error.message,
      /^Cannot declare payment cs_\w+ dead as its order is not quarantined: .* pending$/,
    );
    await shop.sql`update public.order_payments set grace_until = now()`;
    await shop.run();
    assert.equal((await shop.orderOf(order)).reason, "checkout_unclosable");

    const { code, json } = await cliJson(["declare-dead", session, "--reason", "the boleto lapsed"], withKey(shop));
    assert.deepEqual([code, json], [0, { stripeId: session, state: "dead", orderId: order, status: "pending" }]);
    const { json: told } = await cliJson(["order", order], withKey(shop));
    const [payment] = told.payments;
    assert.deepEqual([payment.state, payment.reason, payment.evidence.declared_by, payment.evidence.declared_because], [
      "dead",
      "declared_dead",
      "cli:tester",
      "the boleto lapsed",
    ]);
    assert.ok(told.decisions.some((it: { reason: string }) => it.reason === "declared_dead"));
    await shop.run();
    assert.equal((await shop.orderOf(order)).status, "expired");
  });
});
