import assert from "node:assert/strict";
import postgres from "postgres";
import { type Databases, startDatabases } from "../../../local/platform/databases.ts";
import { withConnection } from "../../../local/postgres/databases.ts";

let databases: Databases;
Deno.test.beforeAll(async () => {
  databases = await startDatabases();
});
Deno.test.afterAll(() => databases.stop());

Deno.test("the migrations install the four schedules, in UTC and in five fields", async () => {
  await withDatabase(async (sql) => {
    assert.deepEqual(await installed(sql), [
      { job: "lapse-cleanup-stale-payment-intents", cron: "*/5 * * * *", active: true },
      { job: "lapse-expire-stale-orders", cron: "*/5 * * * *", active: true },
      { job: "lapse-retention", cron: "7-59/10 * * * *", active: true },
      { job: "lapse-watch", cron: "* * * * *", active: true },
    ]);
  });
});

Deno.test("without an adapter both jobs are off, the watch runs, and lapse-health reports what is missing", async () => {
  await using plain = await startDatabases({ shop: null });
  await using database = await plain.fresh();
  await withConnection(database.url, async (sql) => {
    assert.deepEqual((await installed(sql)).filter(({ active }) => active).map(({ job }) => job), [
      "lapse-retention",
      "lapse-watch",
    ]);
    await sql`call lapse.watch()`;
    await sql`call lapse.retain()`;
    assert.deepEqual([...await sql`select key from lapse.alerts`], []);
    await sql`update lapse.watch_state set watched_at = now() where only_row`;
    assert.deepEqual([...await sql`select lapse.health() -> 'reasons' as reasons`], [{ reasons: ["adapter_missing"] }]);
    await assert.rejects(sql`select lapse.enable_schedules()`, { code: "LP010" });
  });
});

Deno.test("installing the schedules again changes nothing, and restores what a restore lost", async () => {
  await withDatabase(async (sql) => {
    const ids = () => sql`select jobid, jobname from cron.job order by jobid`;
    const before = await ids();
    await sql`select lapse.install_schedules()`;
    assert.deepEqual(await ids(), before);
    await sql`select cron.unschedule(jobname::text) from cron.job`;
    await sql`select lapse.install_schedules()`;
    assert.equal((await installed(sql)).length, 4);
  });
});

Deno.test("an operator pauses, changes and resumes a job through its settings", async () => {
  await withDatabase(async (sql) => {
    const job = "expire-stale-orders";
    const [before] = await sql`select changed_at from lapse.schedules where job = ${job}`;
    await sql`update lapse.schedules set active = false where job = ${job}`;
    assert.equal((await installed(sql, `lapse-${job}`))[0]!.active, false);
    await sql`update lapse.schedules set active = true, cron = '3-59/10 * * * *' where job = ${job}`;
    assert.deepEqual(await installed(sql, `lapse-${job}`), [
      { job: `lapse-${job}`, cron: "3-59/10 * * * *", active: true },
    ]);
    const [after] = await sql`select changed_at from lapse.schedules where job = ${job}`;
    assert.ok(after!.changed_at > before!.changed_at);
  });
});

const refusals: { what: string; sql: string; reason: RegExp }[] = [
  {
    what: "an unknown job",
    sql: "insert into lapse.schedules (job, cron) values ('x', '* * * * *')",
    reason: /Cannot schedule x: lapse\.jobs has no such job/,
  },
  {
    what: "an interval below one minute",
    sql: change("cron = '30 seconds'"),
    reason: /Cannot read cron expression 30 seconds: it does not have five fields/,
  },
  { what: "a sixth field", sql: change("cron = '*/5 * * * * *'"), reason: /five fields/ },
  {
    what: "a minute that does not exist",
    sql: change("cron = '60 * * * *'"),
    reason: /Cannot read cron field 60: it is not within 0 to 59/,
  },
  {
    what: "a day that never comes",
    sql: change("cron = '0 0 30 2 *'"),
    reason: /: 0 0 30 2 \* would never tick/,
  },
  {
    what: "an unknown zone",
    sql: slot("'Europe/Pariss'"),
    reason: /PostgreSQL does not know the time zone Europe\/Pariss/,
  },
  { what: "half a weekly slot", sql: slot("null"), reason: /local_slot_complete/ },
  { what: "an eighth day of the week", sql: slot("time_zone, local_day = 8"), reason: /local_day/ },
  { what: "a catch-up into the next week", sql: slot("time_zone, catch_up = '7 days'"), reason: /catch_up/ },
  {
    what: "a webhook that is not https",
    sql: "select lapse.set_alert_webhook('http://hooks.test/key')",
    reason: /: Cannot use http:\/\/… as lapse_alert_webhook_url: it must be an https URL$/,
  },
  {
    what: "a webhook that is no URL",
    sql: "select lapse.set_alert_webhook('hooks.test/key')",
    reason: /: Cannot use … as lapse_alert_webhook_url: it must be an https URL$/,
  },
  { what: "a ping that is no URL", sql: "select lapse.set_ping_url('x')", reason: /must be an https URL/ },
  {
    what: "a webhook with a password",
    sql: "select lapse.set_alert_webhook('https://a:b@hooks.test/')",
    reason: /must be an https URL/,
  },
  {
    what: "functions behind plain http",
    sql: "select lapse.set_functions_url('http://project.test/functions/v1')",
    reason: /must be an https URL/,
  },
  {
    what: "a host that only looks like loopback",
    sql: "select lapse.set_functions_url('http://127.0.0.1.test/')",
    reason: /must be an https URL/,
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
    await sql`select lapse.set_functions_url('http://localhost:54321/functions/v1/')`;
    assert.deepEqual(
      await sql`select lapse.functions_url() as url`.then(([row]) => row!.url),
      "http://localhost:54321/functions/v1",
    );
    await sql`select lapse.set_functions_url('https://project.test/functions/v1')`;
    await sql`select lapse.set_alert_webhook('https://hooks.test/key?a=b')`;
    assert.deepEqual((await secrets()).toSorted(), [
      ["lapse_alert_webhook_url", "https://hooks.test/key?a=b"],
      ["lapse_functions_url", "https://project.test/functions/v1"],
    ]);
    await sql`select lapse.set_alert_webhook(null)`;
    assert.equal((await secrets()).length, 1);
  });
});

Deno.test("a secret that Lapse does not read or the functions would refuse is not written, and no message shows it", async () => {
  await withDatabase(async (sql) => {
    await assert.rejects(sql`select lapse.set_secret('lapse_scheduler_secrt', 'x')`, { code: "22023" });
    await assert.rejects(
      sql`select lapse.set_secret('lapse_scheduler_secret', 'too short')`,
      ({ code, message }: postgres.PostgresError) => code === "22023" && !message.includes("too short"),
    );
    assert.equal((await sql`select from vault.secrets`).length, 0);
  });
});

Deno.test("a pasted value with a line break is trimmed, also if it was put into Vault manually", async () => {
  await withDatabase(async (sql) => {
    const secret = "s".repeat(32);
    await sql`select lapse.set_functions_url(${"https://project.test/functions/v1\r\n"})`;
    await sql`select lapse.set_secret('lapse_scheduler_secret', ${`\t${secret}\n`})`;
    assert.deepEqual(
      (await sql`select decrypted_secret from vault.decrypted_secrets order by 1`).map((it) => it.decrypted_secret),
      ["https://project.test/functions/v1", secret],
    );
    await sql`
      select vault.update_secret(id, decrypted_secret || ${"\r\n"}) from vault.decrypted_secrets`;
    await sql`select lapse.dispatch('expire-stale-orders')`;
    const [request] = await sql`select url, headers ->> 'x-lapse-secret' as secret from net.http_request_queue`;
    assert.deepEqual({ ...request }, { url: "https://project.test/functions/v1/expire-stale-orders", secret });
    const [inspected] = await sql`select lapse.inspect_secrets('{}', now()) as states`;
    assert.equal(inspected!.states.lapse_scheduler_secret, "ok");

    await sql`select vault.update_secret(id, ${"\n"}) from vault.decrypted_secrets`;
    await assert.rejects(sql`select lapse.dispatch('expire-stale-orders')`, /is missing/);
  });
});

Deno.test("a secret that Vault can no longer decrypt can be set again", async () => {
  await withDatabase(async (sql, adminUrl) => {
    await sql`select lapse.set_secret('lapse_scheduler_secret', ${"a".repeat(32)})`;
    // Another root key, as after a restore into another project: the original raises "invalid ciphertext" then.
    await withConnection(adminUrl, (admin) => admin`update vault.secrets set secret = 'no base64!'`);
    await assert.rejects(
      sql`select lapse.read_secret('lapse_scheduler_secret')`,
      /^PostgresError: Cannot read the Vault secret lapse_scheduler_secret: Vault cannot decrypt it$/,
    );
    const [inspected] = await sql`select lapse.inspect_secrets('{}', now()) ->> 'lapse_scheduler_secret' as state`;
    assert.equal(inspected!.state, "unreadable");
    await sql`select lapse.set_secret('lapse_scheduler_secret', ${"b".repeat(32)})`;
    const [secret] = await sql`select lapse.read_secret('lapse_scheduler_secret') as value`;
    assert.equal(secret!.value, "b".repeat(32));
  });
});

Deno.test("nothing is queued while the URL or the secret is missing, empty or blank", async () => {
  await withDatabase(async (sql) => {
    const dispatch = () => sql`select lapse.dispatch('expire-stale-orders')`;
    await assert.rejects(dispatch(), /Vault secret lapse_functions_url is missing/);
    await sql`select lapse.set_functions_url('https://project.test')`;
    await assert.rejects(dispatch(), /Vault secret lapse_scheduler_secret is missing/);
    await sql`select vault.create_secret('', 'lapse_scheduler_secret')`;
    await assert.rejects(dispatch(), /Vault secret lapse_scheduler_secret is missing/);
    await sql`select vault.update_secret((select id from vault.secrets where name = 'lapse_scheduler_secret'), '  ')`;
    await assert.rejects(dispatch(), /Vault secret lapse_scheduler_secret is missing/);
    assert.equal((await sql`select from net.http_request_queue`).length, 0);
    assert.equal((await sql`select from lapse.runs`).length, 0);
    await sql`select vault.update_secret((select id from vault.secrets where name = 'lapse_scheduler_secret'), 'secret')`;
    await assert.rejects(sql`select lapse.dispatch('no-such-job')`, /runs_job_fkey/);
    await dispatch();
    const [request] = await sql`select headers from net.http_request_queue`;
    assert.equal(request!.headers["x-lapse-secret"], "secret");
  });
});

function change(setting: string): string {
  return `update lapse.schedules set ${setting} where job = 'expire-stale-orders'`;
}

function slot(setting: string): string {
  return `update lapse.schedules set time_zone = ${setting} where job = 'cleanup-stale-payment-intents'`;
}

async function installed(sql: postgres.Sql, job?: string): Promise<{ job: string; cron: string; active: boolean }[]> {
  const rows = await sql<{ job: string; cron: string; active: boolean }[]>`
    select jobname::text as job, schedule as cron, active from cron.job order by jobname`;
  return rows.filter((row) => job === undefined || row.job === job);
}

async function withDatabase(work: (sql: postgres.Sql, adminUrl: string) => Promise<void>): Promise<void> {
  await using database = await databases.fresh();
  const sql = postgres(database.url, { max: 1 });
  try {
    await work(sql, database.adminUrl);
  } finally {
    await sql.end();
  }
}
