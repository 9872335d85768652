// Every check there is; .ci/run installs what it needs and starts it.
//
// `npm test`, the tests that take long, and the dashboard in Chromium; and beside them, on Debian's PostgreSQL 15 with the real pg_cron: the migrations through the Supabase CLI, pgTAP, lint,
// advisors, and the tests of the schedule, which mostly wait for a minute to come. A check that did not run counts as failed.

import { type Database, describeDatabase } from "../../local/postgres/databases.ts";
import { endCommands } from "../support/command.ts";
import { describeResults, isGood, type Result, type Tally } from "../support/runner/tally.ts";
import { advise, lint, migrateForTests, proveSight, runPgTap } from "./database-checks.ts";
import { compareDumps } from "./dumps.ts";
import { type DebianPostgres, startDebianPostgres } from "./debian-postgres.ts";
import { watchRealSchedule } from "./schedule-checks.ts";
import {
  checkLocks,
  runDashboardTests,
  runLongTests,
  runNpmTest,
  runOnNode22,
  runScheduleTests,
} from "./npm-checks.ts";

type DatabaseCheck = (database: Database, server: DebianPostgres) => Promise<Tally>;
const databaseChecks: Record<string, DatabaseCheck> = {
  "pgTAP": runPgTap,
  "db lint": lint,
  "db advisors": advise,
  "lint and advisors see": proveSight,
  "pg_dump of an install": (_database, server) => compareDumps(server.url),
  "real pg_cron": async (database, server) => {
    await server.restart({});
    return await watchRealSchedule(database);
  },
  "schedule": (database) => runScheduleTests(database.adminUrl),
};

const stack = new AsyncDisposableStack();
let interrupted = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, async () => {
    interrupted = true;
    endCommands();
    await stack.disposeAsync();
    Deno.exit(1);
  });
}

const results = (await Promise.all([checkWithNpm(), checkOnDebian()])).flat();
await stack.disposeAsync();
console.log(`\n${describeResults(results)}`);
Deno.exit(isGood(results) ? 0 : 1);

async function checkWithNpm(): Promise<Result[]> {
  return [
    await check("npm test", runNpmTest),
    await check("long tests", runLongTests),
    await check("dashboard", runDashboardTests),
    await check("Node 22", runOnNode22),
    await check("locks", checkLocks),
  ];
}

async function checkOnDebian(): Promise<Result[]> {
  let server: DebianPostgres | undefined;
  const migrated = await check("migrations on PostgreSQL 15", async () => {
    // No job of the schedule may start while pgTAP counts rows.
    const started = stack.use(await startDebianPostgres({ "cron.max_running_jobs": 0 }));
    await migrateForTests(databaseOf(started));
    server = started;
    return { passed: 1, failed: 0, skipped: 0, notes: [] };
  });
  const results = [migrated];
  for (const [name, run] of Object.entries(databaseChecks)) {
    results.push(
      await check(name, async () => {
        if (!server) throw new Error("did not run, as there is no migrated database");
        return await run(databaseOf(server), server);
      }),
    );
  }
  return results;
}

/** A failed check is a result like any other: those after it run all the same. */
async function check(name: string, run: () => Promise<Tally>): Promise<Result> {
  console.log(`\n▸ ${name}`);
  const started = performance.now();
  let tally: Tally;
  try {
    tally = await run();
  } catch (error) {
    const { message } = error as Error;
    console.error(message);
    tally = { passed: 0, failed: 1, skipped: 0, notes: [message.split("\n")[0]!] };
  }
  // The signal handler ends the program after the server has stopped.
  if (interrupted) await new Promise(() => {});
  return { name, ...tally, seconds: (performance.now() - started) / 1000 };
}

/** pg_cron lives in one database per server; `postgres` is there from the start. */
function databaseOf(server: DebianPostgres): Database {
  return describeDatabase(server.url, "postgres");
}
