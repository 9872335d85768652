import { z } from "zod";
import { type Context, defineCommand, type Outcome, typedInteger } from "../command.ts";
import { columns, counted, indent, moment, span } from "../output.ts";
import type { Project } from "../project.ts";
import { type AlertRow, alertRow, jobs, type RunRow, runRow } from "../rows.ts";
import { countersOf, errorOf } from "../watch-run.ts";

const input = z.strictObject({ runs: typedInteger(1, 100).default(5) });

export const status = defineCommand({
  name: "status",
  summary: "Whether the jobs are well: running, last runs, brake, backlog, next slot, open alerts",
  options: { runs: { value: "N", help: "runs shown of each job (5)" } },
  input,
  run: showStatus,
});

async function showStatus(given: z.infer<typeof input>, context: Context): Promise<Outcome> {
  const project = await context.connect();
  const [alerts, schedule, ...states] = await Promise.all([
    readOpenAlerts(project),
    readSchedule(project),
    ...jobs.map((job) => readJob(project, job, given.runs)),
  ]);
  const now = new Date();
  const told = states.map((state) => ({
    ...state,
    braked: alerts.some(({ key }) => key === `brake:${state.job}`),
    schedule: schedule?.schedules.find(({ job }) => job === state.job) ?? null,
  }));
  const json = {
    project: project.target.url,
    openAlerts: alerts,
    brakeThreshold: schedule?.brakeThreshold ?? null,
    jobs: told,
  };
  const blocks = told.map((job) => describeJob(job, now));
  const text = [`Project ${project.target.url}`, ...blocks, describeAlerts(alerts, now)].join("\n\n");
  return { well: alerts.length === 0, json, text };
}

/** Every open alert, the gravest first. */
export function readOpenAlerts({ rows, client }: Project): Promise<AlertRow[]> {
  const query = client.from("job_alerts").select("*").is("resolved_at", null).order("severity").order("id");
  return rows(query, alertRow);
}

export function describeAlerts(alerts: AlertRow[], now: Date): string {
  if (alerts.length === 0) return "No alert is open";
  const lines = columns(alerts.map((it) => [
    `#${it.id}`,
    it.code ?? "",
    it.severity,
    it.message,
    `since ${span(now.getTime() - new Date(it.first_seen_at).getTime())}, seen ${counted(it.occurrences, "time")}`,
  ])).split("\n");
  const told = lines.flatMap((line, n) => [line, `    ${detailsOf(alerts[n]!)}`]);
  return `Open alerts (docs/payments-ops.md says what to do)\n${indent(told.join("\n"))}`;
}

/** What the runbook tells to read: the cause's key, which names the job or the order, and the details, in one line. */
export function detailsOf({ key, details }: AlertRow): string {
  const known = z.record(z.string(), z.unknown()).safeParse(details);
  const facts = Object.entries(known.data ?? {}).map(([name, value]) =>
    `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`
  );
  return [key, ...facts].join(" · ").replaceAll(/\s+/g, " ");
}

const scheduleAnswer = z.object({
  brakeThreshold: z.int().nullable(),
  schedules: z.array(z.object({
    job: z.string(),
    cron: z.string(),
    active: z.boolean(),
    timeZone: z.string().nullable(),
    nextAt: z.string().nullable(),
    due: z.int().nullable(),
    oldestDueAt: z.string().nullable(),
  })),
});

/** Null for a login: the schedule is private. */
async function readSchedule({ call, target }: Project) {
  return target.credentials.kind === "login" ? null : await call("jobs_schedule", {}, scheduleAnswer);
}

async function readJob({ rows, client }: Project, job: string, limit: number) {
  const query = client.from("job_runs").select("*").eq("job", job).order("created_at", { ascending: false }).limit(
    limit,
  );
  const runs = await rows(query, runRow);
  return { job, running: runs.find(({ finished_at }) => finished_at === null) ?? null, runs };
}

type JobState = Awaited<ReturnType<typeof readJob>> & {
  braked: boolean;
  schedule: Schedule | null;
};
type Schedule = z.infer<typeof scheduleAnswer>["schedules"][number];

function describeJob({ job, running, runs, braked, schedule }: JobState, now: Date): string {
  const last = runs.find(({ backlog }) => backlog !== null);
  const facts = [
    ["now", running ? `${running.status} since ${moment(running.started_at ?? running.created_at, now)}` : "idle"],
    ["brake", braked ? "ON: more is due than usual, nothing is touched until an operator releases it" : "off"],
    ["next", describeNext(schedule, now)],
    schedule
      ? ["due now", describeDue(schedule, now)]
      : ["due", last ? `${last.backlog} when the last run ended` : "unknown: no run has ended yet"],
  ];
  const lines = runs.map((run) => describeLine(run, now));
  return [job, indent(columns(facts)), lines.length > 0 ? indent(columns(lines)) : "  no run yet"].join("\n");
}

/** The clean-up counts payments to end; without any, other work makes it 1 (jobs.cleanup_due). */
function describeDue({ job, due, oldestDueAt }: Schedule, now: Date): string {
  if (job === "expire-stale-orders") {
    return `${counted(due ?? 0, "order")}${oldestDueAt ? `, the oldest since ${moment(oldestDueAt, now)}` : ""}`;
  }
  if (!due) return "nothing";
  return due === 1
    ? "a payment to end, or a part of Stripe's list to look through"
    : `${counted(due, "payment")} to end`;
}

function describeNext(schedule: JobState["schedule"], now: Date): string {
  if (schedule === null) return "not shown to a login (needs LAPSE_SECRET_KEY)";
  if (!schedule.active) return "PAUSED";
  return `${moment(schedule.nextAt, now)}${schedule.timeZone ? ", weekly" : `, ${schedule.cron}`}`;
}

function describeLine(run: RunRow, now: Date): string[] {
  const about = [
    run.dry_run ? "dry run" : "",
    run.order_id ? `only order ${run.order_id}` : "",
    countersOf(run),
    errorOf(run),
  ];
  const took = run.duration_ms === null ? "" : `${(run.duration_ms / 1_000).toFixed(1)} s`;
  return [moment(run.created_at, now), run.status, run.trigger, took, about.filter((it) => it !== "").join(" · ")];
}
