import assert from "node:assert/strict";
import { type Databases, startDatabases } from "../../../local/platform/databases.ts";
import { cleanup, slotOfYesterday, type Watched, withWatched } from "./watched-database.ts";

let databases: Databases;
Deno.test.beforeAll(async () => {
  databases = await startDatabases();
});
Deno.test.afterAll(() => databases.stop());

Deno.test("a dispatched run that does not start in time is lost and can no longer start", async () => {
  await withWatched(databases, async (watched) => {
    const id = await watched.dispatch(0);
    await watched.watch(2);
    assert.equal((await runOf(watched, id)).status, "queued");
    await watched.watch(2.1);
    const run = await runOf(watched, id);
    assert.equal(run.status, "lost");
    assert.match(run.error, /^Never started; its request was answered with nothing$/);
    assert.equal((await watched.begin(3, { id })).answer, "duplicate");
  });
});

Deno.test("a lost run says how its request was answered", async () => {
  await withWatched(databases, async (watched) => {
    const [refused, slow] = [await watched.dispatch(0), await watched.dispatch(0)];
    await respond(watched, refused, { status_code: 401 });
    await respond(watched, slow, { timed_out: true, error_msg: "Timeout of 5000 ms reached" });
    await watched.watch(3);
    assert.match((await runOf(watched, refused)).error, /answered with status 401$/);
    assert.match((await runOf(watched, slow)).error, /answered with Timeout of 5000 ms reached$/);
  });
});

Deno.test("a run keeps its answer after pg_net has deleted it, whatever happened to the run", async () => {
  await withWatched(databases, async (watched) => {
    const id = await watched.dispatch(0);
    await watched.begin(0, { id });
    await watched.finish(0, id);
    await respond(watched, id, { status_code: 202, content: `{"runId": "${id}"}` });
    await watched.watch(1);
    await watched.sql`truncate net._http_response`;
    const run = await runOf(watched, id);
    assert.deepEqual([run.status, run.response_status], ["succeeded", 202]);
  });
});

Deno.test("the answer to another request with the same id is ignored", async () => {
  await withWatched(databases, async (watched) => {
    const { sql, at } = watched;
    const late = await watched.dispatch(0);
    await respond(watched, late, { status_code: 500, created: at(11) });
    await watched.watch(12);
    assert.equal((await runOf(watched, late)).response_status, null, "it came long after");

    // After a crash of the server pg_net's ids begin again.
    const [before, after] = [await watched.dispatch(20), await watched.dispatch(21)];
    await sql`update lapse.runs set request_id = 7 where id in (${before}, ${after})`;
    await respond(watched, after, { status_code: 500, created: at(21) });
    await watched.watch(21.5);
    assert.equal((await runOf(watched, before)).response_status, null, "it is the later request's");
    assert.equal((await runOf(watched, after)).response_status, 500);
  });
});

Deno.test("an answer that accepts a run without naming it is ignored", async () => {
  await withWatched(databases, async (watched) => {
    const id = await watched.dispatch(0);
    await respond(watched, id, { status_code: 200, content: "ok" });
    await watched.watch(1);
    assert.equal((await runOf(watched, id)).response_status, null);
  });
});

Deno.test("a weekly run that never started is repeated by the next tick", async () => {
  await withWatched(databases, async (watched) => {
    const tick = await slotOfYesterday(watched);
    const first = await tick(0);
    assert.ok(first);
    assert.equal(await tick(1), null);
    await watched.watch(3);
    assert.equal((await runOf(watched, first)).status, "lost");
    const second = await tick(5);
    assert.ok(second && second !== first);
    await watched.begin(6, { id: second, job: cleanup });
    await watched.finish(6, second);
    assert.equal(await tick(70), null, "once it completed the slot is used up");
  });
});

Deno.test("after three answers of 503 at the weekly slot, the fourth tick's run does the work", async () => {
  await withWatched(databases, async (watched) => {
    const tick = await slotOfYesterday(watched);
    for (const minute of [0, 5, 10]) {
      const run = await tick(minute);
      assert.ok(run, `minute ${minute}`);
      await respond(watched, run, { status_code: 503, created: watched.at(minute) });
      const open = await watched.watch(minute + 3);
      assert.ok(open.some((key) => key.endsWith(cleanup)), `minute ${minute}: ${open}`);
    }
    const fourth = await tick(15);
    assert.ok(fourth);
    await watched.begin(15, { id: fourth, job: cleanup });
    await watched.finish(16, fourth);
    assert.deepEqual((await watched.watch(17)).filter((key) => key.endsWith(cleanup)), []);
    assert.equal(await tick(20), null);
  });
});

Deno.test("a weekly run that failed or died is repeated after an hour, until one completes", async () => {
  await withWatched(databases, async (watched) => {
    const tick = await slotOfYesterday(watched);
    const first = await tick(0);
    await watched.begin(0, { id: first!, job: cleanup });
    await watched.finish(1, first!, "failed");
    assert.equal(await tick(59), null);
    const second = await tick(60);
    assert.ok(second);
    await watched.begin(60, { id: second, job: cleanup });
    await watched.watch(63);
    assert.equal((await runOf(watched, second)).status, "lost");
    assert.equal(await tick(119), null);
    const third = await tick(120);
    await watched.begin(120, { id: third!, job: cleanup });
    await watched.finish(121, third!, "failed");
    assert.ok((await watched.watch(122)).includes(`failing:${cleanup}`), "three attempts came to nothing");
    const [slot] = await watched.sql`select attempts, run_id from lapse.schedule_slots`;
    assert.deepEqual([slot!.attempts, slot!.run_id], [3, third]);

    await watched.run(130, "succeeded", cleanup);
    assert.equal(await tick(200), null, "whoever made up for it");
  });
});

Deno.test("a weekly run is repeated only within the catch-up time, and never while the brake is on", async () => {
  await withWatched(databases, async (watched) => {
    const tick = await slotOfYesterday(watched);
    const first = await tick(0);
    await watched.begin(0, { id: first!, job: cleanup });
    await watched.finish(1, first!, "braked");
    assert.equal(await tick(120), null);
    await watched.sql`update lapse.runs set status = 'failed' where id = ${first}`;
    assert.equal(await tick(60 * 24 * 3), null);
    assert.ok(await tick(120));
  });
});

Deno.test("a weekly run that was skipped for another run is repeated after that one ends", async () => {
  await withWatched(databases, async (watched) => {
    const tick = await slotOfYesterday(watched);
    const { run } = await watched.begin(0, { job: cleanup });
    const first = await tick(0);
    assert.equal((await watched.begin(0, { id: first!, job: cleanup })).answer, "skipped");
    assert.equal(await tick(0.5), null);
    await watched.finish(1, run.id);
    await watched.watch(1);
    const second = await tick(5);
    assert.ok(second && second !== first);
    await watched.begin(5, { id: second, job: cleanup });
    await watched.finish(5, second);
    await watched.watch(6);
    assert.equal(await tick(10), null);
  });
});

Deno.test("a run whose lease expired is lost, releases its lease, and can change nothing", async () => {
  await withWatched(databases, async (watched) => {
    const { run } = await watched.begin(0);
    await watched.watch(1.9);
    assert.equal((await runOf(watched, run.id)).status, "running");
    await watched.watch(2.1);
    assert.equal((await runOf(watched, run.id)).status, "lost");
    await assert.rejects(
      watched.sql`select lapse.claim_orders(${run.id}, ${run.fence}, 10, ${watched.at(2.2)})`,
      { code: "LP001" },
    );
    await watched.finish(2.2, run.id);
    assert.equal((await runOf(watched, run.id)).status, "lost", "a final state stays");
    assert.equal((await watched.begin(2.2)).answer, "running");
  });
});

Deno.test("a lease left a day ahead by a clock that was set back is released, and its run is lost", async () => {
  await withWatched(databases, async (watched) => {
    const { run } = await watched.begin(24 * 60);
    const other = await watched.begin(24 * 60, { job: cleanup });
    await watched.sql`select lapse.hold_lease(${other.run.id}, ${other.run.fence}, ${watched.at(0)})`;
    await watched.watch(0.5);
    assert.match((await runOf(watched, run.id)).error, /clock that was set back/);
    assert.equal((await runOf(watched, other.run.id)).status, "running", "it has given a sign of life since");
    assert.equal((await watched.begin(1)).answer, "running");
  });
});

Deno.test("a run with a heartbeat is never lost, however long it works", async () => {
  await withWatched(databases, async (watched) => {
    const { run } = await watched.begin(0);
    for (let minute = 1; minute <= 10; minute++) {
      await watched.sql`select lapse.claim_orders(${run.id}, ${run.fence}, 10, ${watched.at(minute)})`;
      await watched.watch(minute + 0.5);
    }
    assert.equal((await runOf(watched, run.id)).status, "running");
  });
});

Deno.test("a dry run, which has no lease, is lost after the longest time that a run may take", async () => {
  await withWatched(databases, async (watched) => {
    const { run } = await watched.begin(0, { dryRun: true });
    await watched.watch(2.8);
    assert.equal((await runOf(watched, run.id)).status, "running");
    await watched.watch(2.9);
    assert.equal((await runOf(watched, run.id)).status, "lost");
  });
});

Deno.test("the watch skips a run that begins at the same moment", async () => {
  await withWatched(databases, async (watched) => {
    const id = await watched.dispatch(0);
    const other = await watched.sql.reserve();
    await other`begin`;
    await other`select lapse.begin_run(${id}, 'expire-stale-orders', 'schedule', p_now => ${watched.at(3)})`;
    await watched.sql`set statement_timeout = '2s'`;
    await watched.watch(3);
    await other`commit`;
    other.release();
    assert.equal((await runOf(watched, id)).status, "running");
  });
});

Deno.test("the watch skips a run that settles at the same moment, and copies its answer next time", async () => {
  await withWatched(databases, async (watched) => {
    const id = await watched.dispatch(0);
    await respond(watched, id, { status_code: 202, content: `{"runId": "${id}"}` });
    const other = await watched.sql.reserve();
    await other`begin`;
    await other`select from lapse.runs where id = ${id} for update`;
    await watched.sql`set statement_timeout = '2s'`;
    await watched.watch(1);
    assert.equal((await runOf(watched, id)).response_status, null);
    await other`commit`;
    other.release();
    await watched.watch(1.5);
    assert.equal((await runOf(watched, id)).response_status, 202);
  });
});

Deno.test("orders of a lost run stay claimed until the claim expires", async () => {
  await withWatched(databases, async (watched) => {
    const { sql, at } = watched;
    const ref = await watched.placeOrder(0);
    await sql`select lapse.attach_payment(${ref}, 'pi_1', p_now => ${at(0)})`;
    const { run } = await watched.begin(0);
    await sql`select lapse.list_windows(${run.id}, ${run.fence}, false, ${at(0)})`;
    await sql`update lapse.list_cursors set read_to = ${at(1)} where true`;
    await sql`select lapse.claim_orders(${run.id}, ${run.fence}, 10, ${at(0)})`;
    await sql`update lapse.jobs set lease_until = ${at(0)} where run_id = ${run.id}`;
    await watched.watch(1);
    assert.equal((await runOf(watched, run.id)).status, "lost");
    const [row] = await sql`select status, run_id from lapse.orders where ref = ${ref}`;
    assert.deepEqual(row, { status: "expiring", run_id: run.id });
  });
});

type Answer = { status_code?: number; timed_out?: boolean; error_msg?: string; content?: string; created?: Date };

/** Writes an answer as pg_net does. */
async function respond({ sql }: Watched, runId: string, answer: Answer): Promise<void> {
  const { status_code = null, timed_out = false, error_msg = null, content = null, created = new Date() } = answer;
  await sql`
    insert into net._http_response (id, status_code, timed_out, error_msg, content, created)
    select request_id, ${status_code}, ${timed_out}, ${error_msg}, ${content}, ${created} from lapse.runs where id = ${runId}`;
}

async function runOf({ sql }: Watched, id: string) {
  const [row] = await sql`select * from lapse.runs where id = ${id}`;
  return row!;
}
