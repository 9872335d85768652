import { type Counter, COUNTERS, type RunRow, type RunStatus } from "../database/runs.ts";
import type { LogFields } from "./log.ts";
import type { Preview } from "./job.ts";

type CamelCase<S extends string> = S extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : S;

/** A run in the API's shape. Durations are in milliseconds, stock is in units. A dry run adds what it would have decided. */
export type RunReport =
  & {
    runId: string;
    job: string;
    status: RunStatus;
    trigger: string;
    dryRun: boolean;
    startedAt: string | null;
    finishedAt: string | null;
    durationMs: number | null;
    error: string | null;
    stripeCalls: number;
    stripeThrottled: number;
    backlog: number | null;
    oldestDueAt: string | null;
  }
  & Record<CamelCase<Counter>, number>
  & Partial<Preview>;

/** Turns a row of `lapse.runs` into the API's shape. */
export function reportOf(run: RunRow, preview?: Preview): RunReport {
  return {
    runId: run.id,
    job: run.job,
    status: run.status,
    trigger: run.trigger,
    dryRun: run.dry_run,
    startedAt: run.started_at,
    finishedAt: run.finished_at,
    durationMs: run.duration_ms,
    error: run.error,
    ...countersOf(run),
    stripeCalls: run.stripe_calls,
    stripeThrottled: run.stripe_throttled,
    backlog: run.backlog,
    oldestDueAt: run.oldest_due_at,
    ...(run.dry_run ? { summary: [], decisions: [], ...preview } : {}),
  };
}

function countersOf(run: RunRow): Record<CamelCase<Counter>, number> {
  return Object.fromEntries(COUNTERS.map((name) => [camelCase(name), run[name]])) as Record<CamelCase<Counter>, number>;
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** The fields of the log's last line about a run. Counters of zero are left out, so that the line stays readable. */
export function logFieldsOf(run: RunRow): LogFields {
  const counted = COUNTERS.filter((name) => run[name] > 0).map((name) => [name, run[name]]);
  return {
    status: run.status,
    error: run.error,
    duration_ms: run.duration_ms,
    ...Object.fromEntries(counted),
    backlog: run.backlog,
  };
}
