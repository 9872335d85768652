import assert from "node:assert/strict";
import { type Databases, startDatabases } from "../../../local/platform/databases.ts";
import { cleanup, expire, type Watched, withWatched } from "../watch/watched-database.ts";

let databases: Databases;
Deno.test.beforeAll(async () => void (databases = await startDatabases()));
Deno.test.afterAll(() => databases.stop());

Deno.test("a run that was cut off has one continuation, however often it requests one", async () => {
  await withWatched(databases, async (watched) => {
    const run = await watched.run(0, "partial");
    const next = await continueRun(watched, run);
    assert.equal(await continueRun(watched, run), next);
    const row = await runOf(watched, next!);
    assert.deepEqual([row.continues, row.trigger, row.job, row.status], [run, "continuation", expire, "queued"]);
  });
});

Deno.test("only a run that was cut off is continued", async () => {
  await withWatched(databases, async (watched) => {
    const { run: begun } = await watched.begin(0);
    await assert.rejects(continueRun(watched, begun.id), /it is running, not partial/);
    await watched.finish(0, begun.id, "succeeded");
    await assert.rejects(continueRun(watched, begun.id), /it is succeeded, not partial/);
    await assert.rejects(continueRun(watched, crypto.randomUUID()), /it does not exist/);
  });
});

Deno.test("a run is not continued while its job is paused, but later runs may be", async () => {
  await withWatched(databases, async (watched) => {
    const run = await watched.run(0, "partial");
    await watched.sql`update lapse.schedules set active = false where job = ${expire}`;
    assert.equal(await continueRun(watched, run), null);
    await watched.sql`update lapse.schedules set active = true where job = ${expire}`;
    assert.notEqual(await continueRun(watched, run), null);
  });
});

Deno.test("a continuation keeps reason and released brake, and works on what is left of the limit", async () => {
  await withWatched(databases, async (watched) => {
    const cases: [job: string, done: Record<string, number>, left: number][] = [
      [expire, { orders_expired: 1, orders_paid: 1, orders_waiting: 1, orders_retried: 1, orders_quarantined: 1 }, 5],
      [cleanup, { payment_intents_canceled: 2, checkout_sessions_expired: 1 }, 7],
      [cleanup, { payment_intents_canceled: 12 }, 1],
    ];
    for (const [minute, [job, done, left]] of cases.entries()) {
      const { run } = await watched.begin(minute, { job, release: true });
      await watched.finish(minute, run.id, "partial");
      await watched.sql`update lapse.runs set ${watched.sql({ item_limit: 10, ...done })} where id = ${run.id}`;
      const next = await runOf(watched, (await continueRun(watched, run.id))!);
      assert.deepEqual([next.item_limit, next.reason, next.brake_released_at], [left, "a test", watched.at(minute)]);
    }
    const next = await runOf(watched, (await continueRun(watched, await watched.run(9, "partial")))!);
    assert.deepEqual([next.item_limit, next.brake_released_at], [null, null], "no limit does not become one");
  });
});

Deno.test("a run about one order is continued with that order", async () => {
  await withWatched(databases, async (watched) => {
    const order = await watched.placeOrder(0);
    await watched.sync(3, order, "partial");
    const [run] = await watched.sql`select id from lapse.runs where ref = ${order}`;
    assert.equal((await runOf(watched, (await continueRun(watched, run!.id))!)).ref, order);
  });
});

Deno.test("a dry run is not continued: its continuation would be a real one", async () => {
  await withWatched(databases, async (watched) => {
    const { run } = await watched.begin(0, { dryRun: true });
    await watched.finish(0, run.id, "partial");
    await assert.rejects(continueRun(watched, run.id), { code: "22023" });
    assert.equal((await watched.sql`select from lapse.runs`).length, 1);
  });
});

async function continueRun({ sql, at }: Watched, id: string): Promise<string | null> {
  const [row] = await sql`select lapse.continue_run(${id}, ${at(10)}) as id`;
  return row!.id;
}

async function runOf({ sql }: Watched, id: string) {
  const [row] = await sql`select * from lapse.runs where id = ${id}`;
  return row!;
}
