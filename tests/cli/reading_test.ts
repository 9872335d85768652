import assert from "node:assert/strict";
import { withShop } from "../integration/support.ts";
import { cli, cliJson, withKey } from "./command-line.ts";

Deno.test("status says what runs, ran and comes next, and ends with 1 while an alert is open", async () => {
  await withShop({}, async (shop) => {
    const env = withKey(shop);
    const empty = await cli(["status"], env);
    assert.equal(empty.code, 0);
    assert.match(empty.stdout, /no run yet/);
    assert.match(empty.stdout, /No alert is open/);
    assert.match(empty.stdout, /due now +0 orders\n/);
    assert.match(empty.stdout, /due now +a payment to end, or a part of Stripe's list to look through\n/);

    await shop.placeOrder();
    await shop.run();
    await shop.sql`update jobs.settings set brake_threshold = 1`;
    await shop.placeUnpaidOrders(3);
    await shop.run();

    const { code, json } = await cliJson(["status"], env);
    assert.equal(code, 1);
    const [expire, cleanup] = json.jobs;
    assert.deepEqual(expire.runs.map((run: { status: string }) => run.status), ["braked", "succeeded"]);
    assert.deepEqual([expire.braked, cleanup.braked], [true, false]);
    assert.equal(expire.schedule.due, 3);
    assert.ok(new Date(expire.schedule.nextAt) > new Date());
    assert.deepEqual(json.openAlerts.map(({ code }: { code: string }) => code), ["L007"]);
    assert.match((await cli(["status"], env)).stdout, /brake +ON: .*\n.*\n.*due now +3 orders, the oldest since/);
  });
});

Deno.test("status shows the run that works at this moment", async () => {
  await withShop({}, async (shop) => {
    const runId = crypto.randomUUID();
    await shop
      .sql`select public.jobs_begin_run(p_run_id => ${runId}, p_job => 'expire-stale-orders', p_trigger => 'server')`;
    const { json } = await cliJson(["status"], withKey(shop));
    assert.equal(json.jobs[0].running.id, runId);
    await shop.sql`select public.jobs_finish_run(p_run_id => ${runId}, p_status => 'succeeded')`;
  });
});

Deno.test("metrics have the specification's names, and bars for each of the last days", async () => {
  await withShop({}, async (shop) => {
    await shop.placeUnpaidOrders(4);
    await shop.run();
    const { code, json } = await cliJson(["metrics", "--days", "3"], withKey(shop));
    assert.equal(code, 0);
    const [expire] = json;
    const names = ["paymentsExpiredTotal", "paymentIntentsCanceledTotal", "stockReleasedTotal"];
    assert.deepEqual(names.map((name) => expire[name]), [4, 4, 4]);
    assert.ok(expire.jobExecutionTime > 0);
    assert.match(expire.lastExecutionTime, /^\d{4}-\d\d-\d\dT.*Z$/);
    assert.equal(expire.days.at(-1).paymentsExpired, 4);
    const { stdout } = await cli(["metrics", "--days", "3"], withKey(shop));
    assert.equal(stdout.match(/orders expired, per day\n(?: {4}\d{4}-\d\d-\d\d.*\n){3}/)?.length, 1, stdout);
    assert.match(stdout, / 4 {2}█{40}\n/);
  });
});

Deno.test("an order whose id only PostgreSQL takes for a UUID is found", async () => {
  await withShop({}, async (shop) => {
    const id = "11111111-1111-1111-1111-111111111111";
    await shop.sql`
      select public.place_order(
        p_currency => 'eur', p_amount => 2000, p_items => '[{"sku": "tea", "quantity": 1}]', p_order_id => ${id})`;
    const { code, json } = await cliJson(["order", id], withKey(shop));
    assert.deepEqual([code, json.order.id], [0, id]);
  });
});

Deno.test("an order's history names each decision and explains its reason", async () => {
  await withShop({}, async (shop) => {
    const order = await shop.placeOrder();
    const intent = await shop.addIntent(order, { status: "processing" });
    await shop.run();
    const { code, json } = await cliJson(["order", order], withKey(shop));
    assert.equal(code, 0);
    assert.equal(json.order.status, "pending");
    assert.deepEqual(json.payments.map((it: { stripe_id: string; state: string }) => [it.stripe_id, it.state]), [[
      intent,
      "open",
    ]]);
    assert.deepEqual(json.reservations, [{ sku: "tea", quantity: 2, state: "held" }]);
    assert.deepEqual(
      json.decisions.map((it: { outcome: string; reason: string }) => [it.outcome, it.reason]),
      [["waiting", "processing"], ["kept", "processing"]],
    );
    const { stdout } = await cli(["order", order], withKey(shop));
    assert.match(stdout, /processing: The payment was submitted and the bank has not answered/);

    const unknown = await cliJson(["order", crypto.randomUUID()], withKey(shop));
    assert.deepEqual([unknown.code, unknown.json.error.code], [1, "refused"]);
  });
});

Deno.test("the alert of an event is closed with a reason; one that a check keeps open is not", async () => {
  await withShop({}, async (shop) => {
    const env = withKey(shop);
    assert.equal((await cli(["alerts"], env)).code, 0);
    const now = new Date();
    await shop.sql`select jobs.raise_alert('late_payment:x', null, 'critical', 'Paid too late', '{}', ${now})`;
    await shop.sql`select jobs.raise_alert('quarantined', null, 'warning', 'An order is set aside', '{}', ${now})`;
    const details = { orderId: "an-order", amount: 2000, payments: ["pi_1", "pi_2"] };
    await shop.sql`select jobs.raise_alert('paid_twice:y', null, 'critical', 'Paid twice', ${
      shop.sql.json(details)
    }, ${now})`;
    for (const args of [["alerts"], ["alerts", "--all"], ["status"]]) {
      const { stdout } = await cli(args, env);
      assert.match(stdout, / Paid twice.*\n +paid_twice:y · .*orderId an-order/, args.join(" "));
      assert.match(stdout, /payments \["pi_1","pi_2"\]/, args.join(" "));
    }
    const open = await cliJson(["alerts"], env);
    assert.match((await cli(["alerts"], env)).stdout, /seen 1 time\n/);
    assert.equal(open.code, 1);
    const idOf = (key: string) => String(open.json.find((it: { key: string }) => it.key === key).id);

    const check = await cli(["alerts", "--resolve", idOf("quarantined"), "--reason", "done"], env);
    assert.equal(check.code, 1);
    assert.match(check.stderr, /closes by itself when its cause is gone/);
    assert.equal((await cli(["alerts", "--resolve", idOf("late_payment:x"), "--reason", "refunded"], env)).code, 0);

    const all = await cliJson(["alerts", "--all"], env);
    const closed = all.json.find((it: { key: string }) => it.key === "late_payment:x");
    assert.deepEqual([closed.resolved_by, closed.resolved_reason], ["cli:tester", "refunded"]);
    assert.deepEqual((await cliJson(["alerts"], env)).json.map((it: { key: string }) => it.key), [
      "paid_twice:y",
      "quarantined",
    ]);
  });
});
