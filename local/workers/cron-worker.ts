import postgres from "postgres";
import { markInterruptedRuns, runJob } from "./cron-run.ts";

export type CronWorkerOptions = {
  /** The database whose jobs are run, as a superuser, because every job runs as its own user. */
  dbUrl: string;
  /** The worker's clock; by default the machine's. */
  clock?: () => Date;
  /** Milliseconds between two checks of the clock, by default 1000. 0: jobs run only on `tick`. */
  pollMs?: number;
  /** Called with errors outside a job's own SQL, for example when the database is down. By default they are printed. */
  onError?: (error: unknown) => void;
};

export type CronWorker = {
  /** Runs what is due in the minute of `at`, in UTC. Resolves when all those runs have ended, including queued ones. */
  tick(at: Date): Promise<void>;
  /** Stops without waiting for running jobs: their connections are closed, as when a server stops. */
  stop(): Promise<void>;
};

/** Replaces pg_cron's background worker for a database with the substitute. Each job runs in a separate connection. */
export async function startCronWorker(options: CronWorkerOptions): Promise<CronWorker> {
  const { dbUrl, clock = () => new Date(), pollMs = 1000, onError = console.error } = options;
  const sql = postgres(dbUrl, { max: 4, connection: { application_name: "pg_cron scheduler" }, onnotice: () => {} });
  const stopping = new AbortController();
  const lastRun = new Map<string, Promise<void>>();

  async function tick(at: Date): Promise<void> {
    const jobs = await sql<{ jobid: string }[]>`
      select jobid from cron.job where active and cron._is_due(schedule, ${at}) order by jobid`;
    await Promise.all(jobs.map(({ jobid }) => trigger(jobid)));
  }

  /**
   * One instance of a job runs at a time: an early trigger waits for the previous run, as in pg_cron. That run's error
   * is thrown where it was triggered, not here.
   */
  function trigger(jobId: string): Promise<void> {
    const before = lastRun.get(jobId) ?? Promise.resolve();
    const run = before.catch(() => {}).then(() => runJob(sql, { jobId, dbUrl, signal: stopping.signal }));
    lastRun.set(jobId, run);
    return run;
  }

  async function watchTheClock(): Promise<void> {
    let last = minuteOf(clock());
    while (!stopping.signal.aborted) {
      await sleep(pollMs, stopping.signal);
      const now = minuteOf(clock());
      for (const minute of minutesToRun(last, now)) {
        // Not awaited, because a long job must not delay the next minute.
        if (!stopping.signal.aborted) tick(new Date(minute * 60_000)).catch(report);
      }
      last = now;
    }
  }

  function report(error: unknown): void {
    if (!stopping.signal.aborted) onError(error);
  }

  try {
    await markInterruptedRuns(sql);
  } catch (error) {
    await sql.end({ timeout: 0 });
    throw error;
  }
  const watching = pollMs > 0 ? watchTheClock() : Promise.resolve();

  async function stop(): Promise<void> {
    stopping.abort();
    await watching;
    await Promise.allSettled(lastRun.values());
    await sql.end({ timeout: 1 });
  }
  return { tick, stop };
}

/**
 * The minutes (since the epoch) to run when the clock moved from minute `last` to minute `now`. Up to five missed
 * minutes are made up for, one by one; after a longer jump only the present one is run.
 */
export function minutesToRun(last: number, now: number): number[] {
  const passed = now - last;
  if (passed <= 0) return [];
  if (passed > 5) return [now];
  return Array.from({ length: passed }, (_, index) => last + index + 1);
}

function minuteOf(time: Date): number {
  return Math.floor(time.getTime() / 60_000);
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
