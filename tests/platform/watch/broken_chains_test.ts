import assert from "node:assert/strict";
import type postgres from "postgres";
import { type Databases, startDatabases } from "../../../local/platform/databases.ts";
import { cleanup, expire, slotOfYesterday, type Watched, withWatched } from "./watched-database.ts";

let databases: Databases;
Deno.test.beforeAll(async () => {
  databases = await startDatabases();
});
Deno.test.afterAll(() => databases.stop());

Deno.test("a clean-up whose continuation was lost gets another continuation", async () => {
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

Deno.test("a clean-up whose function died before it requested a continuation gets one", async () => {
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

Deno.test("a clean-up that handed over after its share of orders is continued as well", async () => {
  await withWatched(databases, async (watched) => {
    const first = await outOfTime(watched, 0);
    await watched.sql`update lapse.runs set duration_ms = 5000 where id = ${first}`;
    await watched.watch(4);
    assert.equal((await runs(watched)).length, 1, "so short a run had no reason to hand over");
    await watched.sql`
      insert into lapse.decisions (run_id, job, subject, ref, outcome, reason, decided_at)
      values (${first}, ${cleanup}, 'payment_intent', 'x', 'found_dead', 'canceled', ${watched.at(0)})`;
    await watched.watch(5);
    assert.equal((await runs(watched)).at(-1)!.continues, first);
  }, quiet);
});

Deno.test("a continuation that was skipped for another run is repeated if that run left work", async () => {
  for (const left of [true, false]) {
    await withWatched(databases, async (watched) => {
      const first = await outOfTime(watched, 0);
      const other = await watched.begin(0.9, { job: cleanup });
      const skipped = await goOn(watched, 1, first);
      assert.equal((await watched.begin(1, { id: skipped, job: cleanup })).answer, "skipped");
      await watched.sql`select lapse.hold_lease(${other.run.id}, ${other.run.fence}, ${watched.at(2.5)})`;
      await watched.watch(4);
      assert.equal((await runs(watched)).length, 3, "the other run still works");
      if (!left) await finishWork(watched);
      await watched.finish(4.1, other.run.id);
      await watched.watch(5);
      const [next] = (await runs(watched)).slice(3);
      assert.equal(next?.continues, left ? skipped : undefined);
    }, quiet);
  }
});

Deno.test("a continuation keeps the limit, the reason and the released brake", async () => {
  await withWatched(databases, async (watched) => {
    const first = await outOfTime(watched, 0);
    await watched.sql`
      update lapse.runs set item_limit = 10, payment_intents_canceled = 4, reason = 'known', brake_released_at = now()
      where id = ${first}`;
    await goOn(watched, 1, first);
    for (const minute of [4, 7]) await watched.watch(minute);
    const [, , { item_limit, reason, brake_released_at }] = await runs(watched) as [unknown, unknown, postgres.Row];
    assert.deepEqual([item_limit, reason, brake_released_at !== null], [6, "known", true]);
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

Deno.test("a clean-up that completed is not continued, even if its function died right after", async () => {
  await withWatched(databases, async (watched) => {
    const tick = await slotOfYesterday(watched);
    const first = await tick(0);
    await work(watched, 0, first!);
    for (const minute of [3, 6, 60]) await watched.watch(minute);
    assert.deepEqual(await statuses(watched), ["succeeded"]);
  }, quiet);
});

Deno.test("a dead run that an operator started is not continued automatically", async () => {
  await withWatched(databases, async (watched) => {
    await slotOfYesterday(watched);
    await watched.begin(0, { job: cleanup });
    for (const minute of [3, 6]) await watched.watch(minute);
    assert.deepEqual(await statuses(watched), ["lost"]);
  }, quiet);
});

Deno.test("no run is continued if nothing was cut off or an operator must decide", async () => {
  const ends: [string, (watched: Watched, run: string) => unknown][] = [
    [
      "a run that decided nothing, because a list could not be read",
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

Deno.test("a continuation that cannot be dispatched raises an alert, and lost runs are still marked", async () => {
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

/** A clean-up that worked for as long as it may, with an order still to inspect; the function asks for no continuation. */
async function outOfTime(watched: Watched, minutes: number): Promise<string> {
  await watched.sql`
    insert into lapse.orders (ref, status, placed_at, deadline, next_check_at)
    select 'stale', 'unknown', t, t, t from (select ${watched.at(-60 * 24 * 30)}::timestamptz as t) x`;
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

/** A run that does the rest. */
async function work(watched: Watched, minutes: number, id: string): Promise<void> {
  await watched.begin(minutes, { id, job: cleanup });
  await finishWork(watched);
  await watched.finish(minutes + 0.1, id);
}

async function finishWork({ sql }: Watched): Promise<void> {
  await sql`update lapse.orders set next_check_at = null where ref = 'stale'`;
}

async function runs({ sql }: Watched): Promise<postgres.Row[]> {
  return [...await sql`select * from lapse.runs order by created_at, id`];
}

async function statuses(watched: Watched): Promise<string[]> {
  return (await runs(watched)).map(({ status }) => status);
}
