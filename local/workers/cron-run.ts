import postgres from "postgres";
import { isLostConnection } from "./lost-connection.ts";

type Job = { jobid: string; command: string; database: string; username: string };

export type RunOptions = {
  jobId: string;
  /** The worker's own URL. The job's database is reached with the same credentials. */
  dbUrl: string;
  /** Closes the job's connection. Its row stays `running` until the next worker starts. */
  signal: AbortSignal;
};

/**
 * Runs one job in a separate connection, as its user, and writes `cron.job_run_details`. A job that was removed or
 * disabled while this run waited is skipped. Errors of the job's SQL are recorded in its row; only errors of the
 * worker's own connection are thrown.
 */
export async function runJob(sql: postgres.Sql, { jobId, dbUrl, signal }: RunOptions): Promise<void> {
  if (signal.aborted) return;
  const [job] = await sql<Job[]>`
    select jobid, command, database, username from cron.job where jobid = ${jobId} and active`;
  if (!job) return;
  const [run] = await sql<{ runid: string }[]>`
    insert into cron.job_run_details (jobid, database, username, command, status)
    values (${job.jobid}, ${job.database}, ${job.username}, ${job.command}, 'starting') returning runid`;
  const runId = run!.runid;
  const connection = connect(dbUrl, job);
  const cut = () => void connection.end({ timeout: 0 });
  signal.addEventListener("abort", cut);
  try {
    const pid = await becomeUser(connection, job);
    await sql`
      update cron.job_run_details set status = 'running', job_pid = ${pid}, start_time = clock_timestamp()
      where runid = ${runId}`;
    const message = describeResult(await connection.unsafe(job.command).simple());
    await finish(sql, runId, { status: "succeeded", message });
  } catch (error) {
    if (signal.aborted) return;
    if (isLostConnection(error)) await new Promise((resolve) => setTimeout(resolve, 200));
    await finish(sql, runId, { status: "failed", message: describeError(error) });
  } finally {
    signal.removeEventListener("abort", cut);
    await connection.end({ timeout: 1 });
  }
}

/** Marks runs that were under way when the last worker or the server died as failed, as pg_cron does at its start. */
export async function markInterruptedRuns(sql: postgres.Sql): Promise<void> {
  await sql`
    update cron.job_run_details set status = 'failed', return_message = 'server restarted'
    where status in ('starting', 'running')`;
}

function connect(dbUrl: string, job: Job): postgres.Sql {
  const url = new URL(dbUrl);
  url.pathname = `/${encodeURIComponent(job.database)}`;
  return postgres(url.href, {
    max: 1,
    connection: { application_name: "pg_cron" },
    onnotice: () => {},
    // The driver reads the types unasked; nobody could catch its error if the connection were closed meanwhile.
    fetch_types: false,
  });
}

/**
 * pg_cron connects as the job's user and so gets that user's settings ("alter role … set"). Here they are applied
 * explicitly.
 */
async function becomeUser(connection: postgres.Sql, job: Job): Promise<number> {
  await connection`
    select set_config(split_part(setting, '=', 1), substr(setting, strpos(setting, '=') + 1), false)
    from pg_db_role_setting, unnest(setconfig) as setting
    where setrole = (select oid from pg_roles where rolname = ${job.username})
      and setdatabase in (0, (select oid from pg_database where datname = current_database()))
    order by setdatabase`;
  const [row] = await connection`select pg_backend_pid() as pid`;
  await connection.unsafe(`set session authorization "${job.username.replaceAll('"', '""')}"`);
  return row!.pid;
}

async function finish(sql: postgres.Sql, runId: string, end: { status: string; message: string }): Promise<void> {
  await sql`
    update cron.job_run_details
    set status = ${end.status}, return_message = ${end.message}, end_time = clock_timestamp()
    where runid = ${runId}`;
}

/** The result of the last statement, in libpq's wording. */
function describeResult(results: postgres.RowList<postgres.Row[]> | postgres.RowList<postgres.Row[]>[]): string {
  const last = "command" in results ? results : results.at(-1)!;
  if (last.columns) return `${last.count} ${last.count === 1 ? "row" : "rows"}`;
  if (last.command === "INSERT") return `INSERT 0 ${last.count}`;
  return last.count === null ? last.command : `${last.command} ${last.count}`;
}

function describeError(error: unknown): string {
  if (!(error instanceof postgres.PostgresError)) return error instanceof Error ? error.message : String(error);
  const { message, detail, hint } = error;
  const lines = [`ERROR:  ${message}`, detail && `DETAIL:  ${detail}`, hint && `HINT:  ${hint}`];
  return lines.filter(Boolean).map((line) => `${line}\n`).join("");
}
