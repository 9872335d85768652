import assert from "node:assert/strict";
import { type Databases, startDatabases } from "../../../local/platform/databases.ts";
import { withConnection } from "../../../local/postgres/databases.ts";
import { type Watched, withWatched } from "./watched-database.ts";

let databases: Databases;
Deno.test.beforeAll(async () => {
  databases = await startDatabases();
});
Deno.test.afterAll(() => databases.stop());

const day = 60 * 24;

Deno.test("each kind of row is deleted after its own time, and not before", async () => {
  await withWatched(databases, async (watched) => {
    const { sql } = watched;
    const order = await watched.placeOrder(0);
    const { run } = await watched.begin(0);
    await sql`select lapse.expire_without_payments(${run.id}, ${run.fence}, 10, ${watched.at(0)})`;
    await watched.finish(0, run.id, "failed");
    await watched.run(0);
    await sql`insert into lapse.schedule_slots (job, slot_at, claimed_at) values ('cleanup-stale-payment-intents', ${
      watched.at(0)
    }, now())`;
    await addTicks(watched, [0]);
    const nothing = { runs: 0, slots: 0, alerts: 0, decisions: 0, cronHistory: 0 };

    assert.deepEqual(await retain(watched, 7 * day), nothing);
    assert.deepEqual(await retain(watched, 7 * day + 1), { ...nothing, cronHistory: 1 });
    assert.deepEqual(await retain(watched, 90 * day), nothing);
    assert.deepEqual(await retain(watched, 90 * day + 1), { ...nothing, runs: 2 });
    assert.deepEqual(await retain(watched, 180 * day), nothing);
    assert.deepEqual(await retain(watched, 180 * day + 1), { ...nothing, decisions: 1, alerts: 1 });
    assert.deepEqual(await retain(watched, 400 * day), nothing);
    assert.deepEqual(await retain(watched, 400 * day + 1), { ...nothing, slots: 1 });

    const [totals] =
      await sql`select orders_expired_total, runs_total from lapse.metrics where job = 'expire-stale-orders'`;
    assert.deepEqual(totals, { orders_expired_total: "1", runs_total: "2" });
    assert.equal((await sql`select from public.orders where id = ${order}`).length, 1);
  });
});

Deno.test("a decision is kept as long as its run, so that the counters of every kept run still add up", async () => {
  await withWatched(databases, async (watched) => {
    const { sql } = watched;
    await sql`update lapse.settings set keep_decisions = '1 day'`;
    await watched.placeOrder(0);
    const { run } = await watched.begin(0);
    await sql`select lapse.expire_without_payments(${run.id}, ${run.fence}, 10, ${watched.at(0)})`;
    await watched.finish(0, run.id);
    assert.equal((await retain(watched, 60 * day)).decisions, 0);
    assert.equal((await sql`select lapse.miscounted_runs('-infinity')`).length, 0);
    const gone = await retain(watched, 91 * day);
    assert.deepEqual([gone.runs, gone.decisions], [1, 1]);
  });
});

Deno.test("open alerts and unfinished runs stay, however old", async () => {
  await withWatched(databases, async (watched) => {
    await watched.sql`select lapse.raise_alert('paid_twice:1', null, 'critical', 'x', '{}', ${watched.at(0)})`;
    await watched.dispatch(0);
    const gone = await retain(watched, 1000 * day);
    assert.deepEqual([gone.alerts, gone.runs], [0, 0]);
  });
});

Deno.test("one call deletes one batch, oldest first", async () => {
  await withWatched(databases, async (watched) => {
    await watched.sql`update lapse.settings set retention_batch = 2`;
    await addTicks(watched, [0, 1, 2, 3, 10 * day]);
    const deleted = async () => (await retain(watched, 8 * day)).cronHistory;
    assert.deepEqual([await deleted(), await deleted(), await deleted()], [2, 2, 0]);
  });
});

Deno.test("ticks that never got a connection have no time, and go with those after them", async () => {
  await withWatched(databases, async (watched) => {
    await addTicks(watched, [null, 0, null, 10 * day, null]);
    assert.equal((await retain(watched, 8 * day)).cronHistory, 2);
    const [left] = await watched.sql`select count(*)::int as n from cron.job_run_details`;
    assert.equal(left!.n, 3, "between two known times the later one counts");
  });
});

Deno.test("ages that would break something are refused", async () => {
  await withWatched(databases, async ({ sql }) => {
    for (
      const setting of [
        "keep_slots = '13 days'",
        "keep_runs = '1 day'",
        "retention_batch = 0",
        "keep_cron_history = '0'",
      ]
    ) {
      await assert.rejects(sql.unsafe(`update lapse.settings set ${setting}`), { code: "23514" }, setting);
    }
  });
});

async function retain({ sql, at }: Watched, minutes: number): Promise<Record<string, number>> {
  const [row] = await sql`select lapse.retain(${at(minutes)}) as deleted`;
  return row!.deleted;
}

/** Rows of pg_cron's history that ended at these minutes, in the order of their ids; null: never connected. */
async function addTicks({ adminUrl, at }: Watched, minutes: (number | null)[]): Promise<void> {
  await withConnection(adminUrl, async (sql) => {
    for (const minute of minutes) {
      const ended = minute === null ? null : at(minute);
      await sql`
        insert into cron.job_run_details (jobid, username, status, start_time, end_time)
        values (1, 'postgres', 'failed', ${ended}, ${ended})`;
    }
  });
}
