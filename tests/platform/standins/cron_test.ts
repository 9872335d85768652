/**
 * What everybody who schedules jobs relies on, shown on the stand-in and, with LAPSE_REAL_PG_CRON_URL set to a superuser's URL of a database
 * that has the real pg_cron (cron.use_background_workers off, as is its default), on the original. There it takes up to two minutes.
 */
import assert from "node:assert/strict";
import postgres from "postgres";
import { startCronWorker } from "../../../local/workers/cron-worker.ts";
import { asRole, startStandInServer } from "./standin_server.ts";

const realUrl = Deno.env.get("LAPSE_REAL_PG_CRON_URL");

type Scheduler =
  & { sql: postgres.Sql; /** Lets one minute begin and its runs end. */ runMinute(): Promise<void> }
  & AsyncDisposable;

async function startStandIn(): Promise<Scheduler> {
  const server = await startStandInServer();
  const worker = await startCronWorker({ dbUrl: server.url, pollMs: 0 });
  return {
    sql: server.sql,
    runMinute: () => worker.tick(new Date()),
    [Symbol.asyncDispose]: async () => {
      await worker.stop();
      await server[Symbol.asyncDispose]();
    },
  };
}

async function useOriginal(url: string): Promise<Scheduler> {
  const sql = postgres(url, { max: 4, onnotice: () => {} });
  await sql`create extension if not exists pg_cron`;
  async function runMinute() {
    await new Promise((resolve) => setTimeout(resolve, 60_000 - Date.now() % 60_000 + 3000));
  }
  return { sql, runMinute, [Symbol.asyncDispose]: () => sql.end({ timeout: 1 }) };
}

Deno.test(`pg_cron, ${realUrl ? "the original" : "the stand-in"}`, async (t) => {
  await using scheduler = realUrl ? await useOriginal(realUrl) : await startStandIn();
  const { sql } = scheduler;
  const owner = `cron_owner_${crypto.randomUUID().slice(0, 8)}`;
  await sql`create role ${sql(owner)} login`;
  await sql`grant usage on schema cron to ${sql(owner)}`;
  const asOwner = <T>(work: (sql: postgres.TransactionSql) => Promise<T>) => asRole(sql, owner, work);
  const job = async (name: string) => (await sql`select * from cron.job where jobname = ${name}`)[0];

  await t.step("a job belongs to the role and the database that schedule it", async () => {
    await asOwner((sql) => sql`select cron.schedule('mine', '*/5 * * * *', 'select 1')`);
    const { schedule, command, username, active, database } = (await job("mine"))!;
    const [current] = await sql`select current_database() as database`;
    const expected = ["*/5 * * * *", "select 1", owner, true, current!.database];
    assert.deepEqual([schedule, command, username, active, database], expected);
  });

  await t.step("scheduling a name again replaces schedule and command and keeps the id", async () => {
    const before = await job("mine");
    await asOwner((sql) => sql`select cron.schedule('mine', '0 4 * * *', 'select 2')`);
    const after = (await job("mine"))!;
    assert.deepEqual([after.jobid, after.schedule, after.command], [before!.jobid, "0 4 * * *", "select 2"]);
  });

  await t.step("two roles can use one name for jobs of their own, and neither sees the other's", async () => {
    await sql`select cron.schedule('mine', '0 5 * * *', 'select 3')`;
    const rows = await asOwner((sql) => sql`select schedule from cron.job where jobname = 'mine'`);
    assert.deepEqual(rows.map((row) => row.schedule), ["0 4 * * *"]);
    await sql`select cron.unschedule('mine')`;
    assert.equal((await job("mine"))!.username, owner);
  });

  await t.step("removing a job that does not exist is an error", async () => {
    await assert.rejects(sql`select cron.unschedule('nobody')`, {
      message: "could not find valid entry for job 'nobody'",
    });
    await assert.rejects(sql`select cron.unschedule(987654)`, { message: "could not find valid entry for job 987654" });
  });

  await t.step("a schedule pg_cron 1.4 does not understand is refused", async () => {
    const refused = [
      "* * * *",
      "60 * * * *",
      "* 24 * * *",
      "* * 0 * *",
      "* * * 13 *",
      "* * * * 8",
      "5/10 * * * *",
      "*/0 * * * *",
      "1,,2 * * * *",
    ];
    for (const schedule of [...refused, "10 seconds", "0 0 $ * *", "@often", "x * * * *", "", "-1 * * * *"]) {
      const attempt = sql`select cron.schedule('refused', ${schedule}, 'select 1')`;
      await assert.rejects(attempt, { message: `invalid schedule: ${schedule}`, code: "22023" });
    }
    assert.equal(await job("refused"), undefined);
  });

  await t.step("lists, ranges, steps, names and aliases are understood", async () => {
    for (const schedule of ["0,30 8-18/2 1-7 jan-mar MON", "*/5 * * * 7", "@hourly", "@weekly", "  1 * * * *  "]) {
      await sql`select cron.schedule('accepted', ${schedule}, 'select 1')`;
      assert.equal((await job("accepted"))!.schedule, schedule);
    }
    await sql`select cron.unschedule('accepted')`;
  });

  await t.step("the table of jobs cannot be written past the functions", async () => {
    const denied = { message: "permission denied for table job", code: "42501" };
    await assert.rejects(asOwner((sql) => sql`update cron.job set active = false`), denied);
    await assert.rejects(asOwner((sql) => sql`delete from cron.job`), denied);
    await assert.rejects(
      asOwner((sql) => sql`insert into cron.job (schedule, command) values ('* * * * *', '')`),
      denied,
    );
  });

  await t.step("altering changes what is given and nothing else", async () => {
    const { jobid } = (await job("mine"))!;
    await sql`select cron.alter_job(${jobid}, active := false)`;
    const { active, schedule } = (await job("mine"))!;
    assert.deepEqual([active, schedule], [false, "0 4 * * *"]);
    await assert.rejects(sql`select cron.alter_job(${jobid})`, { message: "no updates specified" });
    await assert.rejects(sql`select cron.alter_job(${jobid}, schedule := 'x')`, { message: "invalid schedule: x" });
    await assert.rejects(sql`select cron.alter_job(${jobid}, database := 'gone')`, {
      message: 'database "gone" does not exist',
    });
  });

  await t.step("only who was granted it may alter jobs or schedule in other databases", async () => {
    const alter = asOwner((sql) => sql`select cron.alter_job(1, active := true)`);
    await assert.rejects(alter, { message: "permission denied for function alter_job" });
    const elsewhere = asOwner((sql) => sql`select cron.schedule_in_database('x', '* * * * *', '', 'postgres')`);
    await assert.rejects(elsewhere, { message: "permission denied for function schedule_in_database" });
  });

  await t.step("a minute runs what is due as its user and records how it ended", async () => {
    await sql`create table if not exists public.cron_saw (who text, statement_timeout text)`;
    await sql`truncate public.cron_saw, cron.job_run_details`;
    await sql`grant insert on public.cron_saw to ${sql(owner)}`;
    await sql`alter role ${sql(owner)} set statement_timeout = '7s'`;
    const saw = "insert into public.cron_saw values (session_user, current_setting('statement_timeout'))";
    await sql`select cron.schedule_in_database('writes', '* * * * *', ${saw}, current_database(), ${owner})`;
    await sql`select cron.schedule('reads', '* * * * *', 'select 1')`;
    await sql`select cron.schedule('fails', '* * * * *', 'delete from public.cron_saw; select 1 / 0')`;
    await sql`select cron.schedule_in_database('sleeps', '* * * * *', 'select 1', current_database(), active := false)`;
    await sql`select cron.schedule('waits', to_char(now() at time zone 'UTC' + interval '1 hour', '"* "HH24" * * *"'), 'select 1')`;
    await scheduler.runMinute();
    for (const name of ["reads", "fails", "sleeps", "waits"]) await sql`select cron.unschedule(${name})`;
    await sql`select cron.unschedule(jobid) from cron.job where jobname = 'writes'`;

    const runs = await sql`
      select status, return_message, username, job_pid is not null and start_time <= end_time as complete
      from cron.job_run_details order by command`;
    assert.deepEqual([...runs].map((run) => [run.status, run.return_message, run.complete]), [
      ["failed", "ERROR:  division by zero\n", true],
      ["succeeded", "INSERT 0 1", true],
      ["succeeded", "1 row", true],
    ]);
    assert.deepEqual([...await sql`select * from public.cron_saw`], [{ who: owner, statement_timeout: "7s" }]);
  });

  await t.step("the history stays when its job is gone, and its owner may delete it", async () => {
    const own = await asOwner((sql) => sql`delete from cron.job_run_details returning username`);
    assert.deepEqual(own.map((row) => row.username), [owner]);
    const [left] = await sql`select count(*)::int as rows from cron.job_run_details`;
    assert.equal(left!.rows, 2);
  });

  await sql`drop table public.cron_saw`;
  await sql`delete from cron.job where username = ${owner}`;
  await sql`drop owned by ${sql(owner)}`;
  await sql`drop role ${sql(owner)}`;
});
