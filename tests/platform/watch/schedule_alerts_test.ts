import assert from "node:assert/strict";
import { type Databases, startDatabases } from "../../../local/platform/databases.ts";
import { withConnection } from "../../../local/postgres/databases.ts";
import { startCronWorker } from "../../../local/workers/cron-worker.ts";
import { expire, type Watched, withWatched } from "./watched-database.ts";

let databases: Databases;
Deno.test.beforeAll(async () => {
  databases = await startDatabases();
});
Deno.test.afterAll(() => databases.stop());

const missing = `schedule_missing:${expire}`;
const failed = `tick_failed:${expire}`;

/** Ways in which pg_cron stops doing what was set, and the sentence that says so. */
const drifts: { what: string; sql: string; message: string }[] = [
  {
    what: "removed",
    sql: `select cron.unschedule('lapse-${expire}')`,
    message: `pg_cron has no schedule for ${expire}`,
  },
  {
    what: "switched off",
    sql: alter("active => false"),
    message: `pg_cron has the schedule of ${expire} switched off`,
  },
  {
    what: "another time",
    sql: alter("schedule => '0 4 * * *'"),
    message: `pg_cron runs another schedule or command for ${expire}`,
  },
  {
    what: "another command",
    sql: alter("command => 'select 1'"),
    message: `pg_cron runs another schedule or command for ${expire}`,
  },
  {
    what: "another server",
    sql: `update cron.job set nodeport = 1 where jobname = 'lapse-${expire}'`,
    message: `pg_cron runs ${expire} on another server`,
  },
  {
    what: "twice",
    sql: `select cron.schedule('lapse-${expire}', '*/5 * * * *', 'select 1')`,
    message: `pg_cron runs ${expire} twice, for another role as well`,
  },
  {
    what: "another database",
    sql: `update cron.job set database = 'postgres' where jobname = 'lapse-${expire}'`,
    message: `pg_cron runs ${expire} in another database`,
  },
];

const asSuperuser = ["another server", "another database", "twice"];

for (const drift of drifts) {
  Deno.test(`a schedule that pg_cron does not have as it was set raises L006: ${drift.what}`, async () => {
    await withWatched(databases, async ({ sql, adminUrl, watch, alert, health }) => {
      assert.deepEqual([await watch(0), await health(0)], [[], []]);
      await (asSuperuser.includes(drift.what)
        ? withConnection(adminUrl, (admin) => admin.unsafe(drift.sql))
        : sql.unsafe(drift.sql));
      assert.deepEqual([await watch(1), await health(1)], [[missing], ["schedule_missing"]]);
      const { code, severity, message } = await alert(missing);
      assert.deepEqual([code, severity, message], ["L006", "critical", drift.message]);
      const [inspected] = await sql`select lapse.inspect_schedules('{}', now()) as sentences`;
      assert.ok(inspected!.sentences.includes(drift.message));
      await withConnection(adminUrl, async (admin) => {
        await admin`delete from cron.job where username <> 'postgres'`;
        await admin`update cron.job set database = current_database(), nodeport = current_setting('port')::int`;
      });
      await sql`select lapse.install_schedules()`;
      assert.deepEqual(await watch(2), []);
    });
  });
}

Deno.test("a paused schedule raises no L006 unless pg_cron still runs it", async () => {
  await withWatched(databases, async ({ sql, watch, alert }) => {
    await sql`update lapse.schedules set active = false where job = ${expire}`;
    assert.deepEqual(await watch(0), []);
    await sql.unsafe(alter("active => true"));
    assert.deepEqual(await watch(1), [missing]);
    assert.equal((await alert(missing)).severity, "warning");
    await sql`select cron.unschedule(${"lapse-" + expire})`;
    assert.deepEqual(await watch(2), []);
  });
});

Deno.test("a tick that cannot dispatch raises L005 with pg_cron's error, and the next successful one closes it", async () => {
  await withWatched(databases, async (watched) => {
    await withCron(watched, async (tick) => {
      await tick(0);
      assert.deepEqual(await watched.watch(1), []);
      await watched.sql`delete from vault.secrets where name = 'lapse_scheduler_secret'`;
      await tick(5);
      assert.deepEqual(await watched.watch(6), [failed]);
      const { code, severity, cause } = await watched.alert(failed);
      assert.deepEqual([code, severity], ["L005", "warning"]);
      assert.match(cause, /Cannot dispatch a run: the Vault secret lapse_scheduler_secret is missing/);
      await watched.sql`select vault.create_secret('secret', 'lapse_scheduler_secret')`;
      await tick(10);
      assert.deepEqual(await watched.watch(11), []);
    });
  });
});

Deno.test("after a restore nothing ticks: lapse-health reports it, and one call restores the schedules", async () => {
  await withWatched(databases, async ({ sql, adminUrl, health, watch }) => {
    await withConnection(adminUrl, (admin) => admin`truncate cron.job, cron.job_run_details`);
    assert.deepEqual(await health(0), ["schedule_missing"]);
    // What `lapse enable` calls, and the runbook's statement.
    for (const call of ["lapse.enable()", "lapse.install_schedules()"]) {
      await withConnection(adminUrl, (admin) => admin`truncate cron.job`);
      await sql.unsafe(`select ${call}`);
      assert.deepEqual([await health(0), await watch(0)], [[], []], call);
    }
  });
});

Deno.test("pg_cron runs the watch every minute, and lapse-health notices when it does not", async () => {
  await withWatched(databases, async (watched) => {
    await withCron(watched, async (tick) => {
      const started = await watchedAt(watched);
      await tick(1);
      assert.ok(await watchedAt(watched) > started);
    });
    await watched.run(2);
    assert.deepEqual(await watched.health(2), []);
    assert.deepEqual(await watched.health(5), ["watch_silent"]);
    await watched.sql`update lapse.schedules set active = false where job = 'watch'`;
    assert.deepEqual(await watched.health(5), []);
  });
});

Deno.test("with pg_cron dead, lapse-health reports the watch within 5 minutes and the missing runs within 21", async () => {
  await withWatched(databases, async ({ run, watch, health }) => {
    await run(0);
    await watch(0);
    assert.deepEqual([await health(3), await health(5)], [[], ["watch_silent"]]);
    assert.deepEqual([await health(15), await health(21)], [["watch_silent"], ["no_completed_run", "watch_silent"]]);
  });
});

function alter(change: string): string {
  return `select cron.alter_job((select jobid from cron.job where jobname = 'lapse-${expire}'), ${change})`;
}

async function watchedAt({ sql }: Watched): Promise<Date> {
  const [row] = await sql`select watched_at from lapse.watch_state`;
  return row!.watched_at;
}

/** pg_cron's stand-in, which is told the minutes: those of the hour, so that "every five minutes" is every fifth. */
async function withCron(
  { adminUrl }: Watched,
  work: (tick: (minute: number) => Promise<void>) => Promise<void>,
): Promise<void> {
  const cron = await startCronWorker({ dbUrl: adminUrl, pollMs: 0 });
  try {
    await work((minute) => cron.tick(new Date(Date.UTC(2030, 0, 1, 12, minute))));
  } finally {
    await cron.stop();
  }
}
