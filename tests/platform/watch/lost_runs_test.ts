import assert from "node:assert/strict";
import { type Databases, startDatabases } from "../../../local/platform/databases.ts";
import { cleanup, slotOfYesterday, type Watched, withWatched } from "./watched-database.ts";

let databases: Databases;
Deno.test.beforeAll(async () => {
  databases = await startDatabases();
});
Deno.test.afterAll(() => databases.stop());

Deno.test("a dispatched run that never starts is lost after the patience, and can never start again", async () => {
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

Deno.test("the answers outlive pg_net's own memory, whatever became of the run", async () => {
  await withWatched(databases, async (watched) => {
    const id = await watched.dispatch(0);
    await watched.begin(0, { id });
    await watched.finish(0, id);
    await respond(watched, id, { status_code: 202 });
    await watched.watch(1);
    await watched.sql`truncate net._http_response`;
    const run = await runOf(watched, id);
    assert.deepEqual([run.status, run.response_status], ["succeeded", 202]);
  });
});

Deno.test("an answer to a request of the same number, sent long after, belongs to somebody else", async () => {
  await withWatched(databases, async (watched) => {
    const id = await watched.dispatch(0);
    await respond(watched, id, { status_code: 500, created: watched.at(90) });
    await watched.watch(91);
    assert.equal((await runOf(watched, id)).response_status, null);
  });
});

Deno.test("the slot of a weekly run that never started is claimed again by the next tick", async () => {
  await withWatched(databases, async (watched) => {
    const tick = await slotOfYesterday(watched);
    const first = await tick(0);
    assert.ok(first);
    assert.equal(await tick(1), null);
    await watched.watch(3);
    assert.equal((await runOf(watched, first)).status, "lost");
    const second = await tick(5);
    assert.ok(second && second !== first);
    await watched.begin(5, { id: second, job: cleanup });
    await watched.watch(60);
    assert.equal(await tick(61), null, "a run that began has used its slot up, even if it died");
    await watched.watch(63);
    const [next] = await watched.sql`select trigger from lapse.runs where continues = ${second}`;
    assert.equal(next?.trigger, "continuation", "but it is gone on with");
  });
});

Deno.test("the slot of a weekly run that met another one is claimed again when that one has ended", async () => {
  await withWatched(databases, async (watched) => {
    const tick = await slotOfYesterday(watched);
    const { run } = await watched.begin(0, { job: cleanup });
    const first = await tick(0);
    assert.equal((await watched.begin(0, { id: first!, job: cleanup })).answer, "skipped");
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

Deno.test("a run whose lease ran out is lost, gives its lease back, and can change nothing any more", async () => {
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

Deno.test("a lease that a clock set back has left a day ahead is given back, and its run is lost", async () => {
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

Deno.test("a run that gives signs of life is never lost, however long it works", async () => {
  await withWatched(databases, async (watched) => {
    const { run } = await watched.begin(0);
    for (let minute = 1; minute <= 10; minute++) {
      await watched.sql`select lapse.claim_orders(${run.id}, ${run.fence}, 10, ${watched.at(minute)})`;
      await watched.watch(minute + 0.5);
    }
    assert.equal((await runOf(watched, run.id)).status, "running");
  });
});

Deno.test("a dry run, which has no lease, is lost when a run could not have lasted that long", async () => {
  await withWatched(databases, async (watched) => {
    const { run } = await watched.begin(0, { dryRun: true });
    await watched.watch(2.8);
    assert.equal((await runOf(watched, run.id)).status, "running");
    await watched.watch(2.9);
    assert.equal((await runOf(watched, run.id)).status, "lost");
  });
});

Deno.test("the watch waits for no run: one that begins at this moment is left alone", async () => {
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

Deno.test("nor for one that settles at this moment: its answer is copied by the next watch", async () => {
  await withWatched(databases, async (watched) => {
    const id = await watched.dispatch(0);
    await respond(watched, id, { status_code: 202 });
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

Deno.test("orders of a lost run stay claimed until the claim lapses by itself", async () => {
  await withWatched(databases, async (watched) => {
    const order = await watched.placeOrder(0);
    await watched.sql`select public.attach_payment(${order}, 'payment_intent', 'pi_1')`;
    const { run } = await watched.begin(0);
    await watched.sql`select lapse.claim_orders(${run.id}, ${run.fence}, 10, ${watched.at(0)})`;
    await watched.sql`update lapse.jobs set lease_until = ${watched.at(0)}`;
    await watched.watch(1);
    assert.equal((await runOf(watched, run.id)).status, "lost");
    const [row] = await watched.sql`select status, claimed_by from public.orders where id = ${order}`;
    assert.deepEqual(row, { status: "expiring", claimed_by: run.id });
  });
});

type Answer = { status_code?: number; timed_out?: boolean; error_msg?: string; created?: Date };

/** Writes an answer as pg_net does. */
async function respond({ sql }: Watched, runId: string, answer: Answer): Promise<void> {
  const { status_code = null, timed_out = false, error_msg = null, created = new Date() } = answer;
  await sql`
    insert into net._http_response (id, status_code, timed_out, error_msg, created)
    select request_id, ${status_code}, ${timed_out}, ${error_msg}, ${created} from lapse.runs where id = ${runId}`;
}

async function runOf({ sql }: Watched, id: string) {
  const [row] = await sql`select * from lapse.runs where id = ${id}`;
  return row!;
}
