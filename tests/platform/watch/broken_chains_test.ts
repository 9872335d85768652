import assert from "node:assert/strict";
import type postgres from "postgres";
import { type Databases, startDatabases } from "../../../local/platform/databases.ts";
import { cleanup, expire, slotOfYesterday, type Watched, withWatched } from "./watched-database.ts";

let databases: Databases;
Deno.test.beforeAll(async () => {
  databases = await startDatabases();
});
Deno.test.afterAll(() => databases.stop());

Deno.test("a clean-up whose continuation got lost goes on from there, as long as one more gets through", async () => {
  await withWatched(databases, async (watched) => {
    const first = await outOfTime(watched, 0);
    const lost = await goOn(watched, 1, first);
    await watched.watch(4);
    assert.deepEqual(await statuses(watched), ["partial", "lost"]);
    await watched.watch(5);
    assert.equal((await runs(watched)).length, 2, "whatever lost it may not be over yet");
    await watched.watch(7);
    const next = (await runs(watched)).at(-1)!;
    assert.deepEqual([next.status, next.trigger, next.continues], ["queued", "continuation", lost]);
    await watched.watch(8);
    assert.equal((await runs(watched)).length, 3, "one at a time");

    await work(watched, 8, next.id);
    await watched.watch(60);
    assert.equal((await runs(watched)).length, 3, "the work is done");
  }, quiet);
});

Deno.test("a clean-up whose function died before it could ask for a continuation gets one", async () => {
  await withWatched(databases, async (watched) => {
    const first = await outOfTime(watched, 0);
    await watched.watch(2);
    assert.equal((await runs(watched)).length, 1, "its function may just be asking");
    await watched.watch(4);
    const next = (await runs(watched)).at(-1)!;
    assert.deepEqual([next.status, next.continues], ["queued", first]);
    assert.equal(await goOn(watched, 4, first), next.id, "a late function hears of it");
  }, quiet);
});

Deno.test("a continuation that met another run goes on when that one has ended with work left", async () => {
  for (const left of [true, false]) {
    await withWatched(databases, async (watched) => {
      const first = await outOfTime(watched, 0);
      const other = await watched.begin(0.9, { job: cleanup });
      const skipped = await goOn(watched, 1, first);
      assert.equal((await watched.begin(1, { id: skipped, job: cleanup })).answer, "skipped");
      await watched.sql`select lapse.hold_lease(${other.run.id}, ${other.run.fence}, ${watched.at(2.5)})`;
      await watched.watch(4);
      assert.equal((await runs(watched)).length, 3, "the other run still works");
      if (!left) await finishSweep(watched);
      await watched.finish(4.1, other.run.id);
      await watched.watch(5);
      const [next] = (await runs(watched)).slice(3);
      assert.equal(next?.continues, left ? skipped : undefined);
    }, quiet);
  }
});

Deno.test("what goes on keeps the limit, the reason and the released brake", async () => {
  await withWatched(databases, async (watched) => {
    const first = await outOfTime(watched, 0);
    await watched.sql`
      update lapse.runs set item_limit = 10, payment_intents_canceled = 4, reason = 'known', brake_released = true
      where id = ${first}`;
    await goOn(watched, 1, first);
    for (const minute of [4, 7]) await watched.watch(minute);
    const [, , { item_limit, reason, brake_released }] = await runs(watched) as [unknown, unknown, postgres.Row];
    assert.deepEqual([item_limit, reason, brake_released], [6, "known", true]);
  }, quiet);
});

Deno.test("a chain that keeps breaking is given up, with L002 open", async () => {
  await withWatched(databases, async (watched) => {
    await goOn(watched, 1, await outOfTime(watched, 0));
    let open: string[] = [];
    for (let minute = 2; minute < 60; minute++) open = await watched.watch(minute);
    assert.deepEqual(await statuses(watched), ["partial", "lost", "lost", "lost"]);
    assert.deepEqual(open, [`failing:${cleanup}`]);
  }, ["no_success"]);
});

Deno.test("a clean-up that died is gone on with within the same slot, whether or not anything ever completed", async () => {
  for (const completed of [true, false]) {
    await withWatched(databases, async (watched) => {
      if (completed) await finished(watched, -60 * 24 * 7);
      const tick = await slotOfYesterday(watched);
      const first = await tick(0);
      await watched.begin(0, { id: first!, job: cleanup });
      await watched.watch(3);
      await watched.watch(4);
      assert.deepEqual((await statuses(watched)).at(-1), "lost", "whatever killed it may not be over yet");
      await watched.watch(6);
      const next = (await runs(watched)).at(-1)!;
      assert.deepEqual([next.status, next.trigger, next.continues], ["queued", "continuation", first]);
      assert.equal(await tick(6), null, "the slot is still the one of the first run");

      await work(watched, 6, next.id);
      const before = (await runs(watched)).length;
      for (const minute of [7, 10, 60]) await watched.watch(minute);
      assert.equal((await runs(watched)).length, before, "the work is done");
      assert.deepEqual([await tick(61), await slots(watched)], [null, 1]);
    }, quiet);
  }
});

Deno.test("a clean-up that completed is not gone on with, even if its function died right after", async () => {
  await withWatched(databases, async (watched) => {
    const tick = await slotOfYesterday(watched);
    const first = await tick(0);
    await work(watched, 0, first!);
    for (const minute of [3, 6, 60]) await watched.watch(minute);
    assert.deepEqual(await statuses(watched), ["succeeded"]);
  }, quiet);
});

Deno.test("a clean-up that kills every run is given up after three deaths in each slot, with L002 open", async () => {
  await withWatched(databases, async (watched) => {
    // of the week before
    for (const hour of [1, 2, 3]) {
      const { run } = await watched.begin(-60 * (24 * 8 - hour), { job: cleanup });
      await watched.sql`
        update lapse.runs set status = 'lost', trigger = 'schedule', finished_at = ${watched.at(-60 * 24 * 7)}
        where id = ${run.id}`;
      await watched.sql`update lapse.jobs set run_id = null`;
    }
    const tick = await slotOfYesterday(watched);
    await watched.begin(0, { id: (await tick(0))!, job: cleanup });
    let open: string[] = [];
    for (let minute = 1; minute < 60; minute++) {
      open = await watched.watch(minute);
      const queued = (await runs(watched)).find(({ status }) => status === "queued");
      if (queued) await watched.begin(minute, { id: queued.id, job: cleanup });
    }
    assert.deepEqual((await statuses(watched)).slice(3), ["lost", "lost", "lost"]);
    assert.deepEqual([open, await tick(61)], [[`failing:${cleanup}`], null]);
  }, ["no_success"]);
});

Deno.test("a run that an operator started and that died is the operator's to start again", async () => {
  await withWatched(databases, async (watched) => {
    await slotOfYesterday(watched);
    await watched.begin(0, { job: cleanup });
    for (const minute of [3, 6]) await watched.watch(minute);
    assert.deepEqual(await statuses(watched), ["lost"]);
  }, quiet);
});

Deno.test("nothing goes on by itself when nothing was cut off, or an operator has to say so", async () => {
  const ends: [string, (watched: Watched, run: string) => unknown][] = [
    [
      "a run that found some payments unclear",
      ({ sql }, id) => sql`update lapse.runs set duration_ms = 5000 where id = ${id}`,
    ],
    ["a run that left nothing", ({ sql }, id) => sql`update lapse.runs set backlog = 0 where id = ${id}`],
    [
      "a run that reached its limit",
      ({ sql }, id) => sql`update lapse.runs set item_limit = 4, payment_intents_canceled = 4 where id = ${id}`,
    ],
    ["a failure after it, which has an alert", (watched) => watched.run(1, "failed", cleanup)],
    ["a brake after it, which has an alert", (watched) => watched.run(1, "braked", cleanup)],
    ["a job that is paused", ({ sql }) => sql`update lapse.schedules set active = false where job = ${cleanup}`],
    [
      "a catch-up that is over",
      ({ sql }) => sql`update lapse.schedules set catch_up = '1 minute' where job = ${cleanup}`,
    ],
    [
      "a job that ticks all the time",
      ({ sql }, id) => sql`update lapse.runs set job = ${expire} where id = ${id}`,
    ],
  ];
  for (const [what, end] of ends) {
    await withWatched(databases, async (watched) => {
      await end(watched, await outOfTime(watched, 0));
      const before = (await runs(watched)).length;
      for (const minute of [4, 7]) await watched.watch(minute);
      assert.equal((await runs(watched)).length, before, what);
    }, quiet);
  }
});

Deno.test("a run that can not be asked for is an alert, and the runs are marked lost all the same", async () => {
  await withWatched(databases, async (watched) => {
    await outOfTime(watched, 0);
    const { run } = await watched.begin(0);
    await watched.sql`select lapse.set_secret('lapse_scheduler_secret', null)`;
    assert.deepEqual(await watched.watch(4), ["watch_failed:resume_chains"]);
    const [row] = await watched.sql`select status from lapse.runs where id = ${run.id}`;
    assert.equal(row!.status, "lost");
  }, quiet);
});

const quiet = ["no_success", "failing", "run_failed", "brake"];

/** A clean-up that worked for as long as it may, with the sweep still to do; the function does not go on by itself. */
async function outOfTime(watched: Watched, minutes: number): Promise<string> {
  const { run } = await watched.begin(minutes, { job: cleanup });
  await watched.finish(minutes + 0.7, run.id, "partial");
  const [{ backlog }] = await watched.sql`select backlog from lapse.runs where id = ${run.id}` as [postgres.Row];
  assert.equal(backlog, 1);
  return run.id;
}

/** What a function calls when its run ran out of time. Nobody delivers the request. */
async function goOn({ sql, at }: Watched, minutes: number, id: string): Promise<string> {
  const [row] = await sql`select lapse.continue_run(${id}, ${at(minutes)}) as id`;
  return row!.id;
}

/** A run that finds the rest and finishes the sweep. */
async function work(watched: Watched, minutes: number, id: string): Promise<void> {
  await watched.begin(minutes, { id, job: cleanup });
  await finishSweep(watched);
  await watched.finish(minutes + 0.1, id);
}

/** A whole run with nothing left to do. */
async function finished(watched: Watched, minutes: number): Promise<void> {
  const { run } = await watched.begin(minutes, { job: cleanup });
  await watched.finish(minutes + 0.1, run.id);
  await watched.sql`update lapse.runs set backlog = 0 where id = ${run.id}`;
}

async function slots({ sql }: Watched): Promise<number> {
  return (await sql`select from lapse.schedule_slots`).length;
}

async function finishSweep({ sql }: Watched): Promise<void> {
  await sql`
    create or replace function jobs.cleanup_due(p_now timestamptz, p_cap integer) returns integer language sql as 'select 0'`;
}

async function runs({ sql }: Watched): Promise<postgres.Row[]> {
  return [...await sql`select * from lapse.runs order by created_at, id`];
}

async function statuses(watched: Watched): Promise<string[]> {
  return (await runs(watched)).map(({ status }) => status);
}
