import assert from "node:assert/strict";
import postgres from "postgres";
import { type Databases, startDatabases } from "../../../local/platform/databases.ts";

let databases: Databases;
Deno.test.beforeAll(async () => {
  databases = await startDatabases();
});
Deno.test.afterAll(() => databases.stop());

Deno.test("the migrations install the four schedules, in UTC and in five fields", async () => {
  await withDatabase(async (sql) => {
    assert.deepEqual(await installed(sql), [
      { job: "cleanup-stale-payment-intents", cron: "*/5 * * * *", active: true },
      { job: "expire-stale-orders", cron: "*/5 * * * *", active: true },
      { job: "jobs-retention", cron: "7-59/10 * * * *", active: true },
      { job: "jobs-watch", cron: "* * * * *", active: true },
    ]);
  });
});

Deno.test("installing again changes nothing, and brings back what a restore lost", async () => {
  await withDatabase(async (sql) => {
    const ids = () => sql`select jobid, jobname from cron.job order by jobid`;
    const before = await ids();
    await sql`select jobs.install_schedules()`;
    assert.deepEqual(await ids(), before);
    await sql`select cron.unschedule(jobname::text) from cron.job`;
    await sql`select jobs.install_schedules()`;
    assert.equal((await installed(sql)).length, 4);
  });
});

Deno.test("an operator pauses, changes and resumes a job through its settings", async () => {
  await withDatabase(async (sql) => {
    const job = "expire-stale-orders";
    const [before] = await sql`select changed_at from jobs.schedules where job = ${job}`;
    await sql`update jobs.schedules set active = false where job = ${job}`;
    assert.equal((await installed(sql, job))[0]!.active, false);
    await sql`update jobs.schedules set active = true, cron = '3-59/10 * * * *' where job = ${job}`;
    assert.deepEqual(await installed(sql, job), [{ job, cron: "3-59/10 * * * *", active: true }]);
    const [after] = await sql`select changed_at from jobs.schedules where job = ${job}`;
    assert.ok(after!.changed_at > before!.changed_at);
  });
});

const refusals: { what: string; sql: string; reason: RegExp }[] = [
  {
    what: "an unknown job",
    sql: "insert into jobs.schedules (job, cron) values ('x', '* * * * *')",
    reason: /known_job/,
  },
  {
    what: "an interval below one minute",
    sql: change("cron = '30 seconds'"),
    reason: /five fields: current value is 30 seconds/,
  },
  { what: "a sixth field", sql: change("cron = '*/5 * * * * *'"), reason: /five fields/ },
  {
    what: "a minute that does not exist",
    sql: change("cron = '60 * * * *'"),
    reason: /not within 0 to 59: current value is 60/,
  },
  {
    what: "a day that never comes",
    sql: change("cron = '0 0 30 2 *'"),
    reason: /would never tick: current value is 0 0 30 2 \*/,
  },
  {
    what: "an unknown zone",
    sql: slot("'Europe/Pariss'"),
    reason: /PostgreSQL does not know it: current value is Europe\/Pariss/,
  },
  { what: "half a weekly slot", sql: slot("null"), reason: /local_slot_complete/ },
  { what: "an eighth day of the week", sql: slot("time_zone, local_day = 8"), reason: /local_day/ },
  { what: "a catch-up into the next week", sql: slot("time_zone, catch_up = '7 days'"), reason: /catch_up/ },
  {
    what: "a webhook that is not https",
    sql: "select jobs.set_alert_webhook('http://hooks.test/key')",
    reason: /is http:\/\/…$/,
  },
  { what: "a webhook that is no URL", sql: "select jobs.set_alert_webhook('hooks.test')", reason: /not https/ },
  {
    what: "a webhook with a password",
    sql: "select jobs.set_alert_webhook('https://a:b@hooks.test/')",
    reason: /not https/,
  },
  {
    what: "functions behind plain http",
    sql: "select jobs.set_functions_url('http://project.test/functions/v1')",
    reason: /not https/,
  },
  {
    what: "a host that only looks like loopback",
    sql: "select jobs.set_functions_url('http://127.0.0.1.test/')",
    reason: /not https/,
  },
];

Deno.test("a setting that cannot work is refused when it is set, with the reason", async (context) => {
  await withDatabase(async (sql) => {
    for (const refusal of refusals) {
      await context.step(refusal.what, () => assert.rejects(sql.unsafe(refusal.sql), refusal.reason));
    }
    assert.equal((await sql`select from vault.secrets`).length, 0);
  });
});

Deno.test("URLs are set, replaced and removed", async () => {
  await withDatabase(async (sql) => {
    const secrets = async () =>
      (await sql`select name, decrypted_secret from vault.decrypted_secrets`).map((it) => Object.values(it));
    await sql`select jobs.set_functions_url('http://localhost:54321/functions/v1/')`;
    assert.deepEqual(
      await sql`select jobs.functions_url() as url`.then(([row]) => row!.url),
      "http://localhost:54321/functions/v1",
    );
    await sql`select jobs.set_functions_url('https://project.test/functions/v1')`;
    await sql`select jobs.set_alert_webhook('https://hooks.test/key?a=b')`;
    assert.deepEqual((await secrets()).toSorted(), [
      ["jobs_alert_webhook_url", "https://hooks.test/key?a=b"],
      ["jobs_functions_url", "https://project.test/functions/v1"],
    ]);
    await sql`select jobs.set_alert_webhook(null)`;
    assert.equal((await secrets()).length, 1);
  });
});

Deno.test("a secret that nothing reads or the functions would refuse is not written, and no message shows it", async () => {
  await withDatabase(async (sql) => {
    await assert.rejects(sql`select jobs.set_secret('jobs_scheduler_secrt', 'x')`, { code: "22023" });
    await assert.rejects(
      sql`select jobs.set_secret('jobs_scheduler_secret', 'too short')`,
      ({ code, message }: postgres.PostgresError) => code === "22023" && !message.includes("too short"),
    );
    assert.equal((await sql`select from vault.secrets`).length, 0);
  });
});

Deno.test("nothing is queued while the URL or the secret is missing, empty or blank", async () => {
  await withDatabase(async (sql) => {
    const dispatch = () => sql`select jobs.dispatch('expire-stale-orders')`;
    await assert.rejects(dispatch(), /Vault secret jobs_functions_url is missing/);
    await sql`select jobs.set_functions_url('https://project.test')`;
    await assert.rejects(dispatch(), /Vault secret jobs_scheduler_secret is missing/);
    await sql`select vault.create_secret('', 'jobs_scheduler_secret')`;
    await assert.rejects(dispatch(), /Vault secret jobs_scheduler_secret is missing/);
    await sql`select vault.update_secret((select id from vault.secrets where name = 'jobs_scheduler_secret'), '  ')`;
    await assert.rejects(dispatch(), /Vault secret jobs_scheduler_secret is missing/);
    assert.equal((await sql`select from net.http_request_queue`).length, 0);
    assert.equal((await sql`select from public.job_runs`).length, 0);
    await sql`select vault.update_secret((select id from vault.secrets where name = 'jobs_scheduler_secret'), 'secret')`;
    await assert.rejects(sql`select jobs.dispatch('no-such-job')`, /job_runs_job_check/);
    await dispatch();
    const [request] = await sql`select headers from net.http_request_queue`;
    assert.equal(request!.headers["x-jobs-secret"], "secret");
  });
});

function change(setting: string): string {
  return `update jobs.schedules set ${setting} where job = 'expire-stale-orders'`;
}

function slot(setting: string): string {
  return `update jobs.schedules set time_zone = ${setting} where job = 'cleanup-stale-payment-intents'`;
}

async function installed(sql: postgres.Sql, job?: string): Promise<{ job: string; cron: string; active: boolean }[]> {
  const rows = await sql<{ job: string; cron: string; active: boolean }[]>`
    select jobname::text as job, schedule as cron, active from cron.job order by jobname`;
  return rows.filter((row) => job === undefined || row.job === job);
}

async function withDatabase(work: (sql: postgres.Sql) => Promise<void>): Promise<void> {
  await using database = await databases.fresh();
  const sql = postgres(database.url, { max: 1 });
  try {
    await work(sql);
  } finally {
    await sql.end();
  }
}
