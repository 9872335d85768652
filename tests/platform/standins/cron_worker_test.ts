import assert from "node:assert/strict";
import { minutesToRun, startCronWorker } from "../../../local/workers/cron-worker.ts";
import { startStandInServer, until } from "./standin_server.ts";

Deno.test("the stand-in's cron worker", async (t) => {
  await using server = await startStandInServer();
  const { sql, url: dbUrl } = server;
  await sql`create table saw (at timestamptz default clock_timestamp(), what text)`;
  const runs = async () => [...await sql`select status, return_message from cron.job_run_details order by runid`];
  const forget = async () => {
    await sql`delete from cron.job`;
    await sql`truncate cron.job_run_details, saw`;
  };

  await t.step("follows cron's grammar in UTC, and either day field is enough where both are restricted", async () => {
    const cases: [string, string, boolean][] = [
      ["*/5 * * * *", "2026-11-22T10:35:59Z", true],
      ["*/5 * * * *", "2026-11-22T10:36:00Z", false],
      ["0 3 * * 0", "2026-11-22T03:00:00Z", true],
      ["0 3 * * 7", "2026-11-22T03:00:00Z", true],
      ["0 3 * * sun", "2026-11-22T03:00:00Z", true],
      ["0 3 * * sun", "2026-11-22T04:00:00+01:00", true],
      ["0 3 * * mon-sat", "2026-11-22T03:00:00Z", false],
      ["10-20/5 8,9 * nov *", "2026-11-22T09:15:00Z", true],
      ["10-20/5 8,9 * nov *", "2026-11-22T09:16:00Z", false],
      ["0 0 13 * 5", "2026-11-13T00:00:00Z", true],
      ["0 0 13 * 5", "2026-11-20T00:00:00Z", true],
      ["0 0 13 * 5", "2026-12-13T00:00:00Z", true],
      ["0 0 13 * 5", "2026-11-21T00:00:00Z", false],
      // A field that starts with a star counts as unrestricted, so both must match: cron's oldest trap.
      ["0 0 */2 * 1", "2026-11-23T00:00:00Z", true],
      ["0 0 */2 * 1", "2026-11-16T00:00:00Z", false],
      ["@weekly", "2026-11-22T00:00:00Z", true],
      ["@monthly", "2026-11-22T00:00:00Z", false],
    ];
    for (const [schedule, at, expected] of cases) {
      const [row] = await sql`select cron._is_due(${schedule}, ${at}) as due`;
      assert.equal(row!.due, expected, `${schedule} at ${at}`);
    }
  });

  await t.step("runs what is due in the minute it is told, and nothing else", async () => {
    await using worker = await start();
    await sql`select cron.schedule('nine', '0 9 * * *', $$insert into saw (what) values ('nine')$$)`;
    await sql`select cron.schedule('ten', '0 10 * * *', $$insert into saw (what) values ('ten')$$)`;
    await worker.tick(new Date("2030-01-01T10:00:42Z"));
    assert.deepEqual((await sql`select what from saw`).map((row) => row.what), ["ten"]);
    await forget();
  });

  await t.step("lets a second trigger wait for the run before it, and other jobs pass", async () => {
    await using worker = await start();
    await sql`select cron.schedule('slow', '* * * * *', 'select pg_advisory_lock_shared(1)')`;
    await sql`select cron.schedule('fast', '* * * * *', $$insert into saw (what) values ('fast')$$)`;
    const openGate = await shutGate();
    const ticks = [worker.tick(new Date()), worker.tick(new Date())];
    await until(async () => (await sql`select from saw where what = 'fast'`).length === 2);
    const slow = () =>
      sql`select start_time, end_time from cron.job_run_details where command like '%lock%' order by start_time`;
    assert.deepEqual(
      (await slow()).map((run) => run.end_time),
      [null],
      "the second run began before the first one ended",
    );
    await openGate();
    await Promise.all(ticks);
    const [first, second, ...more] = await slow();
    assert.ok(second!.start_time >= first!.end_time, "the second run began before the first one ended");
    assert.deepEqual(more, []);
    await forget();
  });

  await t.step("skips a waiting run whose job was removed or switched off meanwhile", async () => {
    await using worker = await start();
    await sql`select cron.schedule('removed', '* * * * *', 'select pg_advisory_lock_shared(1)')`;
    await sql`select cron.schedule('switched off', '* * * * *', 'select pg_advisory_lock_shared(1)')`;
    const openGate = await shutGate();
    const ticks = [worker.tick(new Date()), worker.tick(new Date())];
    await until(async () => (await runs()).length === 2);
    await sql`select cron.unschedule('removed')`;
    await sql`select cron.alter_job(jobid, active := false) from cron.job`;
    await openGate();
    await Promise.all(ticks);
    assert.deepEqual((await runs()).map((run) => run.status), ["succeeded", "succeeded"]);
    await forget();
  });

  await t.step("rolls a job back that fails in its second statement, and says why", async () => {
    await using worker = await start();
    await sql`select cron.schedule('half', '* * * * *', $$insert into saw (what) values ('half'); select 1 / 0$$)`;
    await worker.tick(new Date());
    assert.deepEqual(await runs(), [{ status: "failed", return_message: "ERROR:  division by zero\n" }]);
    assert.equal((await sql`select from saw`).length, 0);
    await forget();
  });

  await t.step(
    "leaves a run unfinished when it is stopped; the next worker marks it failed and makes up for nothing",
    async () => {
      const worker = await startCronWorker({ dbUrl, pollMs: 0 });
      await sql`select cron.schedule('slow', '* * * * *', 'select pg_sleep(30)')`;
      const tick = worker.tick(new Date());
      await until(async () => (await runs())[0]?.status === "running");
      await worker.stop();
      await tick;
      await using _next = await start();
      assert.deepEqual(await runs(), [{ status: "failed", return_message: "server restarted" }]);
      await forget();
    },
  );

  await t.step("looks at the clock by itself and runs each minute once", async () => {
    let now = new Date("2030-01-01T10:00:58Z");
    const worker = await startCronWorker({ dbUrl, clock: () => now, pollMs: 5 });
    await sql`select cron.schedule('each', '* * * * *', 'select 1')`;
    now = new Date("2030-01-01T10:01:01Z");
    await until(async () => (await runs()).length === 1);
    now = new Date("2030-01-01T10:03:30Z");
    await until(async () => (await runs()).length === 3);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await worker.stop();
    assert.equal((await runs()).length, 3);
    await forget();
  });

  /** A job that asks for the advisory lock waits until the gate is opened. */
  async function shutGate(): Promise<() => Promise<void>> {
    const connection = await sql.reserve();
    await connection`select pg_advisory_lock(1)`;
    return async () => {
      await connection`select pg_advisory_unlock(1)`;
      connection.release();
    };
  }

  async function start() {
    const worker = await startCronWorker({ dbUrl, pollMs: 0 });
    return { tick: worker.tick, [Symbol.asyncDispose]: worker.stop };
  }
});

Deno.test("a clock that jumps makes up for five minutes at most, and never runs a minute backwards", () => {
  assert.deepEqual(minutesToRun(100, 100), []);
  assert.deepEqual(minutesToRun(100, 103), [101, 102, 103]);
  assert.deepEqual(minutesToRun(100, 105), [101, 102, 103, 104, 105]);
  assert.deepEqual(minutesToRun(100, 106), [106]);
  assert.deepEqual(minutesToRun(100, 40), []);
});
