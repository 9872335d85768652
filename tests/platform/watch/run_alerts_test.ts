import assert from "node:assert/strict";
import { type Databases, startDatabases } from "../../../local/platform/databases.ts";
import { cleanup, type Watched, withWatched } from "./watched-database.ts";

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
    assert.equal(open.message, "No run of expire-stale-orders has completed");
    assert.deepEqual([open.first_seen_at, open.last_seen_at], [at(22), at(23)]);
    await run(24);
    assert.deepEqual(await watch(25), []);
    assert.deepEqual((await alert(noSuccess)).resolved_at, at(25));
    assert.deepEqual(await health(25), []);
  });
});

Deno.test("dry, skipped and failed runs do not count as a success", async () => {
  await withWatched(databases, async ({ sql, at, begin, finish, run, watch }) => {
    await run(1);
    for (const minute of [5, 10, 15]) {
      const dry = await begin(minute, { dryRun: true });
      await finish(minute, dry.run.id);
    }
    await run(16, "failed");
    await sql`insert into lapse.runs (job, trigger, status, finished_at) values ('expire-stale-orders', 'server', 'skipped', ${
      at(20)
    })`;
    assert.deepEqual(await watch(22), [noSuccess]);
    await run(23, "partial");
    assert.deepEqual(await watch(23), []);
  }, ["run_failed", "failing"]);
});

Deno.test("runs restricted to one order do not complete a job's work", async () => {
  await withWatched(databases, async ({ run, sync, placeOrder, watch, health }) => {
    const order = await placeOrder(0);
    await run(1, "failed");
    for (const minute of [10, 16, 21]) await sync(minute, order);
    assert.deepEqual(await watch(22), ["no_success:expire-stale-orders"]);
    assert.deepEqual(await health(22), ["no_completed_run"]);
  });
});

Deno.test("a failed run of one order raises no L003, because its operator sees the failure", async () => {
  await withWatched(databases, async ({ run, sync, placeOrder, watch, alert }) => {
    await run(0);
    await sync(1, await placeOrder(-10), "failed");
    assert.equal(await alert("run_failed:expire-stale-orders"), undefined);
    assert.deepEqual(await watch(2), []);
  });
});

Deno.test("a weekly job raises L001 an hour after a slot without a completed run; any completed run closes it", async () => {
  await withWatched(databases, async (watched) => {
    const { run, watch, alert } = watched;
    const slot = await weeklySlot(watched);
    await run(slot - 60, "succeeded", cleanup);
    assert.deepEqual(await watch(slot + 59), []);
    assert.deepEqual(await watch(slot + 61), [noCleanup]);
    assert.match(
      (await alert(noCleanup)).message,
      /^No run of cleanup-stale-payment-intents has completed$/,
    );
    await run(slot + 70, "partial", cleanup);
    assert.deepEqual(await watch(slot + 71), []);
  });
});

Deno.test("a missed slot keeps L001 open until a run completes, also while the job is paused and after it was resumed", async () => {
  await withWatched(databases, async (watched) => {
    const { sql, run, watch, health } = watched;
    const slot = await weeklySlot(watched);
    const setActive = (active: boolean) => sql`update lapse.schedules set active = ${active} where job = ${cleanup}`;
    assert.deepEqual(await watch(slot + 61), [noCleanup]);
    await setActive(false);
    assert.deepEqual(await watch(slot + 62), [noCleanup]);
    await setActive(true);
    assert.deepEqual([await watch(slot + 63), await health(slot + 63)], [[noCleanup], ["no_completed_run"]]);
    await run(slot + 64, "succeeded", cleanup);
    assert.deepEqual([await watch(slot + 65), await health(slot + 65)], [[], []]);
  }, ["watch_silent"]);
});

Deno.test("a slot that passes while the job is paused raises L001 when the job is resumed", async () => {
  await withWatched(databases, async (watched) => {
    const { sql, watch, at } = watched;
    const slot = await weeklySlot(watched);
    await sql`select lapse.pause_schedules()`;
    assert.deepEqual(await watch(slot + 24 * 60 * 3), []);
    // The runbook's own statement, as `lapse enable` calls it.
    await sql`select lapse.enable()`;
    await sql`update lapse.jobs set brake_on = false where true`;
    assert.ok((await watch(slot + 24 * 60 * 3 + 1)).includes(noCleanup));
    const [row] = await sql`
      select lapse.dispatch_due_slot(${cleanup}, ${at(slot + 24 * 60)}) is not null as dispatched`;
    assert.equal(row!.dispatched, true, "within its catch-up the slot is made up for");
  });
});

Deno.test("a repeated slot raises L001 when attempts stop, and L002 after three failed attempts", async () => {
  for (const attempts of [1, 4]) {
    await withWatched(databases, async (watched) => {
      const { sql, at, watch } = watched;
      const slot = await weeklySlot(watched);
      await watched.run(slot - 60, "succeeded", cleanup);
      for (let attempt = 0; attempt < attempts; attempt++) {
        const [row] = await sql`select lapse.dispatch_due_slot(${cleanup}, ${at(slot + 1 + attempt * 65)}) as id`;
        assert.ok(row!.id, `attempt ${attempt}`);
        await watched.begin(slot + 1 + attempt * 65, { id: row!.id, job: cleanup });
        await watched.finish(slot + 2 + attempt * 65, row!.id, "failed");
      }
      const last = slot + 1 + (attempts - 1) * 65;
      assert.deepEqual(await watch(last + 1), attempts === 1 ? [] : [`failing:${cleanup}`]);
      assert.deepEqual(await watch(last + 121), [attempts === 1 ? noCleanup : `failing:${cleanup}`]);
    }, ["run_failed"]);
  }
});

Deno.test("a paused job raises no L001, and a resumed one has time to complete its first run", async () => {
  await withWatched(databases, async ({ sql, at, run, watch, health }) => {
    await run(1);
    await sql`update lapse.schedules set active = false where job = 'expire-stale-orders'`;
    assert.deepEqual([await watch(60), await health(60)], [[], []]);
    await sql`update lapse.schedules set active = true, changed_at = ${at(60)} where job = 'expire-stale-orders'`;
    assert.deepEqual(await watch(74), []);
    assert.deepEqual(await watch(81), [noSuccess]);
  });
});

Deno.test("while the brake is on, its alert is the only one", async () => {
  await withWatched(databases, async ({ sql, run, begin, placeOrder, watch }) => {
    await sql`update lapse.settings set brake_threshold = 1`;
    await run(0);
    await placeOrder(1);
    await placeOrder(1);
    for (const minute of [5, 10, 15, 20, 25]) assert.equal((await begin(minute)).answer, "braked");
    assert.deepEqual(await watch(25), ["brake:expire-stale-orders"]);
  });
});

Deno.test("three failed or lost runs in a row raise L002, and a completed run closes it", async () => {
  await withWatched(databases, async ({ run, dispatch, watch, alert }) => {
    await run(0);
    await run(1, "failed");
    await dispatch(2);
    assert.deepEqual(await watch(5), []);
    await run(6, "failed");
    assert.deepEqual(await watch(7), ["failing:expire-stale-orders"]);
    const { code, severity, message, details } = await alert("failing:expire-stale-orders");
    assert.deepEqual([code, severity, message], [
      "L002",
      "critical",
      "The last 3 runs of expire-stale-orders failed or were lost",
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

Deno.test("a failed run raises L003 at once, and a completed or partial run closes it", async () => {
  await withWatched(databases, async ({ run, watch, alert }) => {
    await run(0, "failed");
    const { code, severity } = await alert("run_failed:expire-stale-orders");
    assert.deepEqual([code, severity], ["L003", "warning"]);
    assert.deepEqual(await watch(5), ["run_failed:expire-stale-orders"]);
    assert.equal(
      (await alert("run_failed:expire-stale-orders")).message,
      "A run of expire-stale-orders failed",
    );
    await run(6, "partial");
    assert.deepEqual(await watch(7), []);
  });
});

Deno.test("a refused dispatch keeps L004 open until any run of the job completes", async () => {
  await withWatched(databases, async ({ sql, run, sync, dispatch, placeOrder, watch }) => {
    const refused = "dispatch_refused:expire-stale-orders";
    await run(0);
    const id = await dispatch(1);
    await sql`update lapse.runs set response_status = 401 where id = ${id}`;
    assert.deepEqual(await watch(2), [refused]);
    await sync(3, await placeOrder(-10));
    await run(3, "failed");
    assert.deepEqual(await watch(4), [refused]);
    await run(5, "partial");
    assert.deepEqual(await watch(6), []);
  }, ["run_failed"]);
});

Deno.test("an order that is due for half an hour raises L008, even while the schedule is paused", async () => {
  await withWatched(databases, async ({ sql, placeOrder, close, watch, alert, health }) => {
    await sql`update lapse.schedules set active = false where job = 'expire-stale-orders'`;
    const ref = await placeOrder(0);
    assert.deepEqual(await watch(30), []);
    assert.deepEqual(await watch(31), ["overdue:expire-stale-orders"]);
    const { message, details } = await alert("overdue:expire-stale-orders");
    assert.equal(message, "An order has waited too long for a decision");
    assert.equal(details.ref, ref);
    assert.deepEqual(await health(31), ["orders_overdue"]);
    await close(32);
    assert.deepEqual([await watch(32), await health(32)], [[], []]);
  });
});

Deno.test("an order that is handed back repeatedly still becomes overdue", async () => {
  await withWatched(databases, async ({ sql, at, placeOrder, run, watch }) => {
    await placeOrder(0);
    for (const minute of [10, 20, 30]) {
      await sql`update lapse.orders set next_check_at = ${at(minute + 10)} where status = 'pending'`;
      await run(minute);
    }
    assert.deepEqual(await watch(31), ["overdue:expire-stale-orders"]);
  });
});

Deno.test("before the jobs are first turned on, nothing is late or overdue", async () => {
  await withWatched(databases, async ({ sql, placeOrder, watch, health }) => {
    await sql`update lapse.schedules set active = false, enabled_at = null where job not in ('watch', 'retention')`;
    await placeOrder(0);
    assert.deepEqual([await watch(60 * 24 * 20), await health(60 * 24 * 20)], [[], []]);
  });
});

Deno.test("several throttled runs within half an hour raise L011, a single one does not", async () => {
  await withWatched(databases, async ({ sql, begin, watch, alert, at }) => {
    const throttled = async (minute: number) => {
      const { run } = await begin(minute);
      await sql`select lapse.finish_run(${run.id}, 'succeeded', null, 100, 7, ${at(minute)})`;
    };
    await throttled(0);
    assert.deepEqual(await watch(1), []);
    await throttled(5);
    assert.deepEqual(await watch(6), ["throttled"]);
    const { code, severity, details } = await alert("throttled");
    assert.deepEqual([code, severity, details], [
      "L011",
      "warning",
      { cause: "14 of 200 calls in 2 runs of the last half hour were refused" },
    ]);
    assert.deepEqual(await watch(31), []);
  }, ["no_success"]);
});

Deno.test("a backlog that grows from run to run raises L009 once it is large enough", async () => {
  await withWatched(databases, async ({ sql, placeOrder, run, watch, alert }) => {
    await sql`update lapse.settings set backlog_alert = 3`;
    await run(0);
    for (const minute of [1, 2, 3]) {
      await placeOrder(minute);
      await run(minute);
    }
    assert.deepEqual(await watch(3), [], "three orders are no alert");
    await placeOrder(4);
    await run(4);
    assert.deepEqual(await watch(4), ["backlog_growing:expire-stale-orders"]);
    const { code, severity, cause } = await alert("backlog_growing:expire-stale-orders");
    assert.deepEqual([code, severity, cause], ["L009", "warning", "due orders after the last runs: 1, 2, 3, 4"]);
    await run(5);
    assert.deepEqual(await watch(5), [], "a backlog that stays as it is does not grow");
  });
});

/** Puts the weekly slot nine days ahead; answers its minute. */
async function weeklySlot({ sql, at }: Watched): Promise<number> {
  const slot = 60 * 24 * 9;
  await sql`update lapse.schedules set active = false where job = 'expire-stale-orders'`;
  await sql`
    update lapse.schedules set local_day = extract(isodow from local), local_time = local::time(0), enabled_at = ${
    at(0)
  }
    from (select ${at(slot)}::timestamptz at time zone 'Europe/Paris' as local) x where job = ${cleanup}`;
  return slot;
}

Deno.test("one incident is one alert: the alert that explains others replaces them, and they refer to it", async () => {
  await withWatched(databases, async ({ sql, run, dispatch, placeOrder, watch, alert }) => {
    const refused = async (minute: number) => {
      await sql`update lapse.runs set response_status = 401 where id = ${await dispatch(minute)}`;
    };
    await run(0);
    await placeOrder(0);
    await refused(5);
    assert.deepEqual(await watch(6), ["dispatch_refused:expire-stale-orders"]);
    assert.equal((await alert("dispatch_refused:expire-stale-orders")).severity, "warning");
    for (const minute of [10, 15, 20]) await refused(minute);
    // No run completed for three ticks, three got lost, an order is overdue: all of it because of the secret.
    for (const minute of [21, 25, 35]) {
      assert.deepEqual(await watch(minute), ["dispatch_refused:expire-stale-orders"], `minute ${minute}`);
    }
    const { severity, occurrences } = await alert("dispatch_refused:expire-stale-orders");
    assert.deepEqual([severity, occurrences], ["critical", 4]);
    assert.deepEqual([...await sql`select distinct key from lapse.alerts`].map(({ key }) => key), [
      "dispatch_refused:expire-stale-orders",
    ]);
  });
  await withWatched(databases, async ({ run, watch, alert }) => {
    for (const minute of [0, 1]) await run(minute, "failed");
    assert.deepEqual(await watch(2), ["run_failed:expire-stale-orders"]);
    await run(3, "failed");
    assert.deepEqual(await watch(4), ["failing:expire-stale-orders"]);
    assert.equal((await alert("run_failed:expire-stale-orders")).part_of, "L002");
  });
});

Deno.test("a warning never replaces a critical alert", async () => {
  await withWatched(databases, async ({ run, watch }) => {
    await run(1);
    await run(2, "failed");
    assert.deepEqual(await watch(3), ["run_failed:expire-stale-orders"]);
    assert.deepEqual(await watch(22), ["no_success:expire-stale-orders"]);
  });
  await withWatched(databases, async ({ sql }) => {
    const raise = (key: string, severity: string) =>
      sql`
        select lapse.raise_alert(
          p_key => ${key}, p_job => 'expire-stale-orders', p_severity => ${severity}, p_message => 'x', p_details => '{}')`;
    const open = async () => (await sql`select key from lapse.alerts where resolved_at is null`).map(({ key }) => key);
    // Overdue orders follow from a brake, but not if they are worse than it.
    await raise("brake:expire-stale-orders", "warning");
    await raise("overdue:expire-stale-orders", "warning");
    assert.deepEqual(await open(), ["brake:expire-stale-orders"]);
    await raise("overdue:expire-stale-orders", "critical");
    assert.deepEqual(await open(), ["brake:expire-stale-orders", "overdue:expire-stale-orders"]);
  });
});
