import { type Database, withConnection } from "../../local/postgres/databases.ts";
import type { Tally } from "../support/runner/tally.ts";

const limitMs = 75_000;

type Run = { job: string; status: string | null; message: string | null };

/**
 * Waits for the real pg_cron to run every job that the migrations scheduled for each minute. Then switches the migrations' jobs off, so
 * that the tests that follow see no runs but their own.
 */
export async function watchRealSchedule(database: Database): Promise<Tally> {
  return await withConnection(database.adminUrl, async (sql) => {
    const until = Date.now() + limitMs;
    let runs: Run[];
    do {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      runs = await sql<Run[]>`
        select distinct on (j.jobid) j.jobname as job, d.status, d.return_message as message
        from cron.job j left join cron.job_run_details d on d.jobid = j.jobid and d.end_time is not null
        where j.schedule = '* * * * *'
        order by j.jobid, d.runid`;
    } while (runs.some(({ status }) => status === null) && Date.now() < until);
    await sql`update cron.job set active = false`;

    const bad = runs.filter(({ status }) => status !== "succeeded");
    const notes = bad.map(({ job, status, message }) => `${job} ${status ?? "did not run"}: ${message ?? ""}`.trim());
    if (runs.length === 0) notes.push("no job is scheduled for every minute");
    return { passed: runs.length - bad.length, failed: notes.length, skipped: 0, notes };
  });
}
