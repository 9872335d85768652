import assert from "node:assert/strict";
import { withShop } from "../integration/support.ts";
import { cli, cliJson, withKey } from "./command-line.ts";

Deno.test("status shows the current, last and next runs, and exits with 1 while an alert is open", async () => {
  await withShop({}, async (shop) => {
    const env = withKey(shop);
    const empty = await cli(["status"], env);
    assert.equal(empty.code, 0, empty.stdout + empty.stderr);
    assert.match(empty.stdout, /no run yet/);
    assert.match(empty.stdout, /No alert is open/);
    assert.match(empty.stdout, /due now +0 orders\n/);

    await shop.placeOrder();
    await shop.run();
    await shop.sql`update lapse.settings set brake_threshold = 1`;
    await shop.placeUnpaidOrders(3);
    await shop.run();

    const { code, json } = await cliJson(["status"], env);
    assert.equal(code, 1);
    const [expire, cleanup] = json.jobs;
    assert.deepEqual(expire.runs.map((run: { status: string }) => run.status), ["braked", "succeeded"]);
    assert.deepEqual([expire.braked, cleanup.braked], [true, false]);
    assert.equal(expire.schedule.due, 3);
    assert.deepEqual(json.openAlerts.map(({ code }: { code: string }) => code), ["L007"]);
    assert.match((await cli(["status"], env)).stdout, /brake +ON: .*\n.*\n.*due now +3 orders, the oldest since/);

    const runs = await cliJson(["runs", "--job", "expire", "--limit", "1"], env);
    assert.deepEqual([runs.code, runs.json.map((run: { status: string }) => run.status)], [0, ["braked"]]);
    assert.equal((await cliJson(["runs"], env)).json.length, 2);
  });
});

Deno.test("status shows the run in progress", async () => {
  await withShop({}, async (shop) => {
    const runId = crypto.randomUUID();
    await shop.sql`
      select public.lapse_begin_run(p_run_id => ${runId}, p_job => 'expire-stale-orders', p_trigger => 'server',
        p_requested_by => 'test', p_reason => null, p_dry_run => false, p_limit => null, p_release_brake => false)`;
    const { json } = await cliJson(["status"], withKey(shop));
    assert.equal(json.jobs[0].running.id, runId);
    await shop.sql`
      select public.lapse_finish_run(p_run_id => ${runId}, p_status => 'succeeded', p_error => null, p_stripe_calls => 0,
        p_stripe_throttled => 0)`;
  });
});

Deno.test("metrics are totals under the names of the views, and bars for each of the last days", async () => {
  await withShop({}, async (shop) => {
    await shop.placeUnpaidOrders(4);
    await shop.run();
    const { code, json } = await cliJson(["metrics", "--days", "3"], withKey(shop));
    assert.equal(code, 0);
    const [expire] = json;
    const names = ["ordersExpiredTotal", "paymentIntentsCanceledTotal", "stockReleasedTotal"];
    assert.deepEqual(names.map((name) => expire[name]), [4, 4, 4]);
    assert.ok(expire.jobExecutionTime > 0);
    assert.match(expire.lastExecutionTime, /^\d{4}-\d\d-\d\dT.*Z$/);
    assert.equal(expire.days.at(-1).ordersExpired, 4);
    const { stdout } = await cli(["metrics", "--days", "3"], withKey(shop));
    assert.equal(stdout.match(/orders expired, per day\n(?: {4}\d{4}-\d\d-\d\d.*\n){3}/)?.length, 1, stdout);
    assert.match(stdout, / 4 {2}█{40}\n/);
  });
});

Deno.test("an order's history names each decision and explains its reason, under its ref in capitals as well", async () => {
  await withShop({}, async (shop) => {
    const order = await shop.placeOrder();
    const intent = await shop.addIntent(order, { status: "processing" });
    await shop.run();
    const { code, json } = await cliJson(["order", order.toUpperCase()], withKey(shop));
    assert.equal(code, 0);
    assert.deepEqual([json.order.ref, json.order.status], [order, "pending"]);
    assert.deepEqual(json.payments.map((it: { stripeId: string; state: string }) => [it.stripeId, it.state]), [[
      intent,
      "open",
    ]]);
    const decided = json.decisions.map((it: { outcome: string; reason: string }) => `${it.outcome} ${it.reason}`);
    assert.deepEqual(decided.sort(), ["kept processing", "waiting processing"]);
    const { stdout } = await cli(["order", order], withKey(shop));
    assert.match(stdout, /processing: The payment was submitted and the bank has\s+not\s+answered/);

    const unknown = await cliJson(["order", "order 7/ü"], withKey(shop));
    assert.deepEqual([unknown.code, unknown.json.error.code], [1, "refused"]);
  });
});

Deno.test("orders are listed by what they need, runs with their decisions, and everything fits 80 columns", async () => {
  await withShop({}, async (shop) => {
    const waiting = await shop.placeOrder();
    await shop.addIntent(waiting, { status: "processing" });
    const quarantined = await shop.placeOrder();
    await shop.addIntent(quarantined, { metadata: { order_id: "somebody-else" } });
    await shop.run();
    const [due, fresh] = [await shop.placeOrder(), await shop.placeOrder({ minutesAgo: 1 })];
    await shop.sql`select lapse.fold_inbox(p_refs => null, p_limit => 100)`;
    const list = async (...args: string[]) => {
      const { code, json } = await cliJson(["orders", ...args], withKey(shop));
      assert.equal(code, 0);
      return json.map((it: { ref: string }) => it.ref);
    };
    assert.deepEqual(await list("--due"), [due]);
    assert.deepEqual(await list("--waiting"), [waiting]);
    assert.deepEqual(await list("--quarantined"), [quarantined]);
    assert.deepEqual(await list(), [due, fresh, waiting]);
    assert.deepEqual(await list("--limit", "1"), [due]);
    assert.match(
      (await cli(["orders", "--quarantined"], withKey(shop))).stdout,
      /foreign_payment: The payment's metadata/,
    );
    assert.match((await cli(["orders", "--limit", "1"], withKey(shop))).stdout, /There may be more/);

    const shown = (await cli(["order", quarantined], withKey(shop))).stdout;
    for (const words of ["redrive", "resolve", "declare-dead"]) assert.ok(shown.includes(` -- ${words} `), shown);

    // A run with its decisions, and the overview: both name the order that waits for an operator.
    const [last] = (await cliJson(["runs"], withKey(shop))).json;
    const run = await cliJson(["runs", last.id], withKey(shop));
    assert.deepEqual([run.code, run.json.run.id], [0, last.id]);
    assert.ok(run.json.decisions.some((it: { ref: string }) => it.ref === quarantined));
    const unknown = await cliJson(["runs", crypto.randomUUID()], withKey(shop));
    assert.deepEqual([unknown.code, unknown.json.error.code], [1, "refused"]);
    await shop.sql`call lapse.watch()`;
    const overview = await cliJson([], withKey(shop));
    assert.equal(overview.code, 1, "an alert is open");
    assert.deepEqual(overview.json.orders, { open: 3, quarantined: 1 });

    const commands = [[], ["status"], ["alerts"], ["alerts", "--all"], ["metrics"], ["runs"], ["runs", last.id]];
    const lists = [["orders"], ["orders", "--quarantined"], ["order", quarantined], ["run", "expire", "--dry-run"], [
      "doctor",
    ]];
    for (const args of [...commands, ...lists]) {
      const lines = (await cli(args, withKey(shop))).stdout.split("\n");
      assert.deepEqual(
        lines.filter((line) => line.length > 80),
        [],
        `lapse ${args.join(" ")} is wider than 80 columns`,
      );
    }
  });
});

Deno.test("the alert of an event is closed with a reason, the alert of a check is not", async () => {
  await withShop({}, async (shop) => {
    const env = withKey(shop);
    assert.equal((await cli(["alerts"], env)).code, 0);
    const raise = async (key: string, severity: string, message: string, details: Record<string, unknown> = {}) => {
      await shop.sql`select lapse.raise_alert(${key}, null, ${severity}, ${message}, ${
        shop.sql.json(details as never)
      })`;
    };
    await raise("late_payment:x", "critical", "Paid too late");
    await raise("quarantined", "warning", "An order is quarantined");
    await raise("paid_twice:y", "critical", "Paid twice", { ref: "an-order", payments: ["pi_1", "pi_2"] });
    for (const args of [["alerts"], ["alerts", "--all"], ["status"]]) {
      const { stdout } = await cli(args, env);
      assert.match(stdout, /L013 critical: Paid twice\n.*order an-order, payments pi_1, pi_2/, args.join(" "));
    }
    const open = await cliJson(["alerts"], env);
    assert.match((await cli(["alerts"], env)).stdout, /seen 1 time\n +next +lapse order an-order\n/);
    assert.equal(open.code, 1);
    const idOf = (key: string) => String(open.json.find((it: { key: string }) => it.key === key).id);

    const check = await cli(["alerts", "--resolve", idOf("quarantined"), "--reason", "done"], env);
    assert.equal(check.code, 1);
    assert.match(check.stderr, /closes automatically when its cause is gone/);
    assert.equal((await cli(["alerts", "--resolve", idOf("late_payment:x"), "--reason", "refunded"], env)).code, 0);

    const all = await cliJson(["alerts", "--all"], env);
    const closed = all.json.find((it: { key: string }) => it.key === "late_payment:x");
    assert.deepEqual([closed.resolvedBy, closed.resolvedReason], ["cli:tester", "refunded"]);
    assert.deepEqual((await cliJson(["alerts"], env)).json.map((it: { key: string }) => it.key), [
      "paid_twice:y",
      "quarantined",
    ]);
  });
});
