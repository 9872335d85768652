import assert from "node:assert/strict";
import { type Shop, withShop } from "../integration/support.ts";
import { cli, cliJson, withKey } from "./command-line.ts";

Deno.test("a run is started, followed and reported, with progress on standard error", async () => {
  await withShop({ paced: true }, async (shop) => {
    await shop.placeUnpaidOrders(20);
    const { code, stdout, stderr } = await cli(["run", "expire", "--wait", "--json"], withKey(shop));
    assert.equal(code, 0, stderr);
    const run = JSON.parse(stdout);
    assert.deepEqual([run.status, run.ordersExpired, run.trigger], ["succeeded", 20, "server"]);
    assert.match(stderr, /\d+ s {2}\w+/, "no progress was told");
  });
});

Deno.test("without --wait the run's id is printed at once, and the run continues", async () => {
  await withShop({}, async (shop) => {
    const { code, json } = await cliJson(["run", "cleanup"], withKey(shop));
    assert.equal(code, 0);
    for (let n = 0; n < 100; n++) {
      const [run] = await shop.sql`select status from lapse.runs where id = ${json.runId}`;
      if (run?.status === "succeeded") return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.fail("the run did not end");
  });
});

Deno.test("a dry run sums up what would be decided, lists it, and changes nothing", async () => {
  await withShop({}, async (shop) => {
    const [first] = await shop.placeUnpaidOrders(3);
    const { code, json } = await cliJson(["run", "expire", "--dry-run", "--limit", "2"], withKey(shop));
    assert.equal(code, 0);
    assert.deepEqual(json.decisions.map((it: { reason: string }) => it.reason), ["would_expire", "would_expire"]);
    const { stdout } = await cli(["run", "expire", "--dry-run"], withKey(shop));
    assert.match(
      stdout,
      /It would decide 3 orders:\n {2}3 expired: would_expire: .*\n(?: {2}\S.*\n)? {2}money +EUR 60\.00\n {2}units +\d+\n {2}methods +3 card\n {2}overdue +3 under an hour\n {2}oldest .*\n {2}largest .*, EUR 20\.00\n/,
    );
    assert.ok(stdout.includes(`\n  ${first}`) && stdout.includes("would_cancel"), stdout);
    assert.equal((await shop.orderOf(first!)).status, "pending");
  });
});

Deno.test("a braked run exits with 1; releasing the brake needs a dry run and a reason, which is recorded", async () => {
  await withShop({}, async (shop) => {
    await shop.sql`update lapse.settings set brake_threshold = 2`;
    await shop.placeUnpaidOrders(5);
    const braked = await cli(["run", "expire", "--wait"], withKey(shop));
    assert.equal(braked.code, 1);
    assert.match(braked.stdout, /: braked\b/);
    assert.match(
      braked.stdout,
      /L007\):\n {2}npm run lapse -- run expire --dry-run\n.*--wait --release-brake --reason/,
    );
    const unwatched = await cli(["run", "expire"], withKey(shop));
    assert.equal(unwatched.code, 1, "it is known at once");
    assert.match(unwatched.stdout, /: braked\b/);

    const args = ["run", "expire", "--wait", "--release-brake", "--reason", "checked", "--limit", "3"];
    await cli(["run", "cleanup", "--dry-run"], withKey(shop));
    const unseen = await cliJson(args, withKey(shop));
    assert.deepEqual([unseen.code, unseen.json.error.code], [1, "refused"]);
    assert.match(
      unseen.json.error.message,
      /^Cannot release the brake: .*\n.* run expire --dry-run\n.*--skip-dry-run$/,
    );
    assert.equal((await shop.run()).status, "braked", "it is still on");

    await cli(["run", "expire", "--dry-run"], withKey(shop));
    const { code, json } = await cliJson(args, withKey(shop));
    assert.equal(code, 0);
    assert.deepEqual([json.ordersExpired, json.reason], [3, "checked"]);
    await shop.sql`update lapse.runs set created_at = created_at - interval '25 hours' where dry_run`;
    assert.equal((await cliJson(args, withKey(shop))).code, 1, "yesterday's dry run says little");
    assert.equal((await cliJson([...args, "--skip-dry-run"], withKey(shop))).json.ordersExpired, 2);
  });
});

Deno.test("a run that could not decide an order says why, each reason once", async () => {
  await withShop({}, async (shop) => {
    await shop.addIntent(await shop.placeOrder());
    shop.stripe.addFault({ kind: "reset", endpoint: "payment_intents.cancel" });
    const { stdout } = await cli(["run", "expire", "--wait"], withKey(shop));
    assert.match(
      stdout,
      /: partial after .*\n {2}expire-stale-orders\n {2}1 to retry\n {2}retry: 1 × connection_lost: [A-Z]/,
    );
    shop.stripe.clearFaults();
  });
});

Deno.test("sync asks Stripe about one order now and settles it, whatever it was waiting for", async () => {
  await withShop({}, async (shop) => {
    const asked = await shop.placeOrder({ minutesAgo: 60 });
    const intent = await shop.addIntent(asked, { status: "processing" });
    const other = await shop.placeOrder({ minutesAgo: 120 });
    await shop.addIntent(other, { status: "processing" });
    await shop.run();
    const bare = await shop.placeOrder({ minutesAgo: 240 });
    assert.equal((await shop.orderOf(asked)).status, "pending");
    assert.ok((await shop.stripe.customer({ id: intent, verb: "async_settle" })).accepted);
    const mark = shop.stripe.mark();

    const { code, json } = await cliJson(["sync", asked, "--reason", "the customer called"], withKey(shop));
    assert.equal(code, 0, JSON.stringify(json));
    assert.deepEqual([json.run.ref, json.run.requestedBy, json.run.reason], [
      asked,
      "cli:tester",
      "the customer called",
    ]);
    assert.deepEqual([json.order.status, json.order.reason, json.order.attempt], ["paid", "paid", 2]);
    assert.deepEqual([(await shop.orderOf(other)).attempt, (await shop.orderOf(bare)).status], [1, "pending"]);
    const payments = shop.stripe.calls({ since: mark }).map(({ path }) => path).filter((path) => /\/pi_/.test(path));
    assert.deepEqual(payments, [`/v1/payment_intents/${intent}`]);
  });
});

Deno.test("sync works while the brake is on, also on an order without payments, and leaves the brake on", async () => {
  await withShop({}, async (shop) => {
    await shop.sql`update lapse.settings set brake_threshold = 1`;
    await shop.placeUnpaidOrders(2);
    const bare = await shop.placeOrder();
    assert.equal((await shop.run()).status, "braked");
    const { code, json } = await cliJson(["sync", bare, "--reason", "this one first"], withKey(shop));
    assert.deepEqual([code, json.order.status, json.order.reason], [0, "expired", "no_payment"], JSON.stringify(json));
    assert.deepEqual((await cliJson(["alerts"], withKey(shop))).json.map((it: { key: string }) => it.key), [
      "brake:expire-stale-orders",
    ]);
  });
});

Deno.test("an order that the customer may still pay, or that is closed, is not synchronised", async () => {
  await withShop({}, async (shop) => {
    const fresh = await shop.placeOrder({ minutesAgo: 5 });
    await shop.addIntent(fresh);
    const closed = await shop.placeOrder();
    await shop.run();
    const mark = shop.stripe.mark();
    for (
      const [ref, says] of [[fresh, /may still pay/], [closed, /is expired/], [
        "no-such-order",
        /no-such-order/,
      ]] as const
    ) {
      const { code, json } = await cliJson(["sync", ref, "--reason", "why"], withKey(shop));
      assert.deepEqual([code, json.error?.code], [1, "refused"], JSON.stringify(json));
      assert.match(json.error.message, /^Cannot /);
      assert.match(json.error.message, says);
    }
    assert.equal(shop.stripe.mark(), mark, "Stripe was asked");
    assert.equal((await shop.orderOf(fresh)).status, "pending");
  });
});

Deno.test("while another run works, sync waits for its turn", async () => {
  await withShop({}, async (shop) => {
    const order = await shop.placeOrder();
    await shop.addIntent(order);
    const other = crypto.randomUUID();
    await shop.sql`
      select public.lapse_begin_run(p_run_id => ${other}, p_job => 'expire-stale-orders', p_trigger => 'server',
        p_requested_by => 'test', p_reason => null, p_dry_run => false, p_limit => null, p_release_brake => false)`;
    const syncing = cliJson(["sync", order, "--reason", "why"], withKey(shop));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await shop.sql`
      select public.lapse_finish_run(p_run_id => ${other}, p_status => 'succeeded', p_error => null, p_stripe_calls => 0,
        p_stripe_throttled => 0)`;
    const { code, json } = await syncing;
    assert.deepEqual([code, json.run.status, json.order.status], [0, "succeeded", "expired"], JSON.stringify(json));
  });
});

Deno.test("a quarantined order is redriven with a reason, and no other order is", async () => {
  await withShop({}, async (shop) => {
    const { ref } = await quarantine(shop);
    const { code } = await cliJson(["redrive", ref, "--reason", "key replaced"], withKey(shop));
    assert.equal(code, 0);
    const order = await shop.orderOf(ref);
    assert.equal(order.status, "pending");
    assert.match(order.reason!, /cli:tester.*key replaced/);
    const again = await cliJson(["redrive", ref, "--reason", "again"], withKey(shop));
    assert.deepEqual([again.code, again.json.error.code], [1, "refused"]);
    await shop.run();
  });
});

Deno.test("a payment that Stripe cannot find is declared dead with a reason, which lets its order expire", async () => {
  await withShop({}, async (shop) => {
    const { ref, payment } = await quarantine(shop);
    const args = ["declare-dead", payment, "--reason", "never existed"];
    const { code, json } = await cliJson(args, withKey(shop));
    assert.deepEqual([code, json], [0, { stripeId: payment, state: "dead", ref, status: "pending" }]);
    const { json: told } = await cliJson(["order", ref], withKey(shop));
    assert.deepEqual([told.payments[0].state, told.payments[0].reason], ["dead", "declared_dead"]);
    assert.match(JSON.stringify(told.payments[0].evidence), /cli:tester.*never existed|never existed.*cli:tester/);
    await shop.run();
    assert.equal((await shop.orderOf(ref)).status, "expired");
    assert.equal((await cli(args, withKey(shop))).code, 1, "a dead payment was declared dead");
  });
});

Deno.test("a quarantined order is resolved as paid, or as expired after Stripe was asked", async () => {
  await withShop({}, async (shop) => {
    const [paid, expired] = [await quarantine(shop), await quarantine(shop)];
    const reason = ["--reason", "decided by hand"];
    const one = await cliJson(["resolve", paid.ref, "--as", "paid", ...reason], withKey(shop));
    assert.equal(one.code, 0, JSON.stringify(one.json));
    const two = await cliJson(["resolve", expired.ref, "--as", "expired", ...reason], withKey(shop));
    assert.equal(two.code, 0, JSON.stringify(two.json));
    assert.deepEqual([await shop.shopStatusOf(paid.ref), await shop.shopStatusOf(expired.ref)], ["paid", "expired"]);
    assert.equal((await cli(["resolve", paid.ref, "--as", "expired", ...reason], withKey(shop))).code, 1);
  });
});

/** An order whose payment Stripe does not know, while it knows others of the run. */
async function quarantine(shop: Shop): Promise<{ ref: string; payment: string }> {
  const ref = await shop.placeOrder();
  const payment = `pi_gone${crypto.randomUUID().replaceAll("-", "")}`;
  await shop.attach(ref, payment);
  await shop.addIntent(await shop.placeOrder());
  await shop.run();
  assert.equal((await shop.orderOf(ref)).status, "quarantined");
  return { ref, payment };
}
