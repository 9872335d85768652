import assert from "node:assert/strict";
import { type Databases, startDatabases } from "../../../local/platform/databases.ts";
import { cleanup, withWatched } from "./watched-database.ts";

let databases: Databases;
Deno.test.beforeAll(async () => {
  databases = await startDatabases();
});
Deno.test.afterAll(() => databases.stop());

const noSuccess = "no_success:expire-stale-orders";
const noCleanup = "no_success:cleanup-stale-payment-intents";

Deno.test("a job without a completed run in three intervals raises L001, and the next one closes it", async () => {
  await withWatched(databases, async ({ run, watch, alert, health, at }) => {
    await run(1);
    assert.deepEqual(await watch(16), []);
    assert.deepEqual(await watch(22), [noSuccess]);
    assert.deepEqual(await health(22), ["no_completed_run"]);
    await watch(23);
    const open = await alert(noSuccess);
    assert.deepEqual([open.code, open.severity, open.occurrences], ["L001", "critical", 2]);
    assert.equal(open.message, "No run of expire-stale-orders has completed, for 22 minutes");
    assert.deepEqual([open.first_seen_at, open.last_seen_at], [at(22), at(23)]);
    await run(24);
    assert.deepEqual(await watch(25), []);
    assert.deepEqual((await alert(noSuccess)).resolved_at, at(25));
    assert.deepEqual(await health(25), []);
  });
});

Deno.test("dry, skipped and failed runs are no success", async () => {
  await withWatched(databases, async ({ sql, at, begin, finish, run, watch }) => {
    await run(1);
    for (const minute of [5, 10, 15]) {
      const dry = await begin(minute, { dryRun: true });
      await finish(minute, dry.run.id);
    }
    await run(16, "failed");
    await sql`insert into public.job_runs (job, trigger, status, finished_at) values ('expire-stale-orders', 'server', 'skipped', ${
      at(20)
    })`;
    assert.deepEqual(await watch(22), [noSuccess]);
    await run(23, "partial");
    assert.deepEqual(await watch(23), []);
  }, ["run_failed", "failing"]);
});

Deno.test("runs restricted to one order neither complete a job's work nor close the alert of a failed run", async () => {
  await withWatched(databases, async ({ run, sync, placeOrder, watch, health }) => {
    const order = await placeOrder(0);
    await run(1, "failed");
    for (const minute of [10, 16, 21]) await sync(minute, order);
    assert.deepEqual(await watch(22), ["no_success:expire-stale-orders", "run_failed:expire-stale-orders"]);
    assert.deepEqual(await health(22), ["no_completed_run"]);
  });
});

Deno.test("a run restricted to one order that fails raises no L003: whoever pressed the button was told", async () => {
  await withWatched(databases, async ({ run, sync, placeOrder, watch, alert }) => {
    await run(0);
    await sync(1, await placeOrder(-10), "failed");
    assert.equal(await alert("run_failed:expire-stale-orders"), undefined);
    assert.deepEqual(await watch(2), []);
  });
});

Deno.test("a weekly job raises L001 an hour after a slot without a completed run, by whomever it is made up for", async () => {
  await withWatched(databases, async ({ sql, at, run, watch, alert }) => {
    await sql`update jobs.schedules set active = false where job = 'expire-stale-orders'`;
    const slot = 60 * 24 * 9;
    await sql`
      update jobs.schedules set local_day = extract(isodow from local), local_time = local::time(0)
      from (select ${at(slot)}::timestamptz at time zone 'Europe/Paris' as local) x where job = ${cleanup}`;
    await run(slot - 60, "succeeded", cleanup);
    assert.deepEqual(await watch(slot + 59), []);
    assert.deepEqual(await watch(slot + 61), [noCleanup]);
    assert.match(
      (await alert(noCleanup)).message,
      /^No run of cleanup-stale-payment-intents has completed, for \d+ (minutes|hours)$/,
    );
    await run(slot + 70, "partial", cleanup);
    assert.deepEqual(await watch(slot + 71), []);
  });
});

Deno.test("a paused job is meant to be silent, and a resumed one has time to complete its first run", async () => {
  await withWatched(databases, async ({ sql, at, run, watch, health }) => {
    await run(1);
    await sql`update jobs.schedules set active = false where job = 'expire-stale-orders'`;
    assert.deepEqual([await watch(60), await health(60)], [[], []]);
    await sql`update jobs.schedules set active = true, changed_at = ${at(60)} where job = 'expire-stale-orders'`;
    assert.deepEqual(await watch(74), []);
    assert.deepEqual(await watch(81), [noSuccess]);
  });
});

Deno.test("while the brake is on nothing completes, and the brake's alert is the only one", async () => {
  await withWatched(databases, async ({ sql, run, begin, placeOrder, watch }) => {
    await sql`update jobs.settings set brake_threshold = 1`;
    await run(0);
    await placeOrder(1);
    await placeOrder(1);
    for (const minute of [5, 10, 15, 20, 25]) assert.equal((await begin(minute)).answer, "braked");
    assert.deepEqual(await watch(25), ["brake:expire-stale-orders"]);
  });
});

Deno.test("three runs in a row that failed or got lost raise L002, a completed one closes it", async () => {
  await withWatched(databases, async ({ run, dispatch, watch, alert }) => {
    await run(0);
    await run(1, "failed");
    await dispatch(2);
    assert.deepEqual(await watch(5), []);
    await run(6, "failed");
    assert.deepEqual(await watch(7), ["failing:expire-stale-orders"]);
    const { code, message, details } = await alert("failing:expire-stale-orders");
    assert.deepEqual([code, message], [
      "L002",
      "The last 3 runs of expire-stale-orders failed or got lost, for less than a minute",
    ]);
    assert.deepEqual(details.errors, [
      "failed: failed",
      "lost: Never started; its request was answered with nothing",
      "failed: failed",
    ]);
    await run(8, "partial");
    assert.deepEqual(await watch(9), []);
  }, ["run_failed"]);
});

Deno.test("a failed run raises L003 at once, and a completed one closes it, be it partial", async () => {
  await withWatched(databases, async ({ run, watch, alert }) => {
    await run(0, "failed");
    assert.deepEqual((await alert("run_failed:expire-stale-orders")).code, "L003");
    assert.deepEqual(await watch(5), ["run_failed:expire-stale-orders"]);
    assert.equal(
      (await alert("run_failed:expire-stale-orders")).message,
      "A run of expire-stale-orders failed, for 5 minutes",
    );
    await run(6, "partial");
    assert.deepEqual(await watch(7), []);
  });
});

Deno.test("a refused dispatch keeps L004 open until a run of the job completes, whoever started it", async () => {
  await withWatched(databases, async ({ sql, run, sync, dispatch, placeOrder, watch }) => {
    const refused = "dispatch_refused:expire-stale-orders";
    await run(0);
    const id = await dispatch(1);
    await sql`update public.job_runs set response_status = 401 where id = ${id}`;
    assert.deepEqual(await watch(2), [refused]);
    await sync(3, await placeOrder(-10));
    await run(3, "failed");
    assert.deepEqual(await watch(4), [refused]);
    await run(5, "partial");
    assert.deepEqual(await watch(6), []);
  }, ["run_failed"]);
});

Deno.test("an order that is due for half an hour raises L008, even while the schedule is paused", async () => {
  await withWatched(databases, async ({ sql, placeOrder, begin, finish, watch, alert, health }) => {
    await sql`update jobs.schedules set active = false where job = 'expire-stale-orders'`;
    await placeOrder(0);
    assert.deepEqual(await watch(30), []);
    assert.deepEqual(await watch(31), ["overdue:expire-stale-orders"]);
    assert.equal(
      (await alert("overdue:expire-stale-orders")).message,
      "The oldest order due for expire-stale-orders is waiting, for 31 minutes",
    );
    assert.deepEqual(await health(31), ["orders_overdue"]);
    const { run } = await begin(32);
    await sql`select public.jobs_expire_without_payments(${run.id}, ${run.fence}, 10)`;
    await finish(32, run.id);
    assert.deepEqual([await watch(32), await health(32)], [[], []]);
  });
});

Deno.test("whether an order is due for too long is asked without counting what waits for the clean-up", async () => {
  await withWatched(databases, async ({ sql, run, placeOrder, watch, health }) => {
    await run(25);
    await placeOrder(0);
    await sql`
      create or replace function jobs.cleanup_due(p_now timestamptz, p_cap integer) returns integer
      language plpgsql as $$ begin raise 'counted'; end; $$`;
    assert.deepEqual(await watch(31), ["overdue:expire-stale-orders"]);
    assert.deepEqual(await health(31), ["orders_overdue"]);
  });
});

Deno.test("a backlog that grows from run to run raises L009, once it is worth an alert", async () => {
  await withWatched(databases, async ({ sql, placeOrder, run, watch, alert }) => {
    await sql`update jobs.settings set backlog_alert = 3`;
    await run(0);
    for (const minute of [1, 2, 3]) {
      await placeOrder(minute);
      await run(minute);
    }
    assert.deepEqual(await watch(3), [], "three orders are no alert");
    await placeOrder(4);
    await run(4);
    assert.deepEqual(await watch(4), ["backlog_growing:expire-stale-orders"]);
    const { code, severity, details } = await alert("backlog_growing:expire-stale-orders");
    assert.deepEqual([code, severity, details.backlogs], ["L009", "warning", [1, 2, 3, 4]]);
    await run(5);
    assert.deepEqual(await watch(5), [], "a backlog that stays as it is does not grow");
  });
});
