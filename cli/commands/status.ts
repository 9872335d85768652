import { z } from "zod";
import { type Context, defineCommand, type Outcome, typedInteger } from "../command.ts";
import { columns, indent, moment, span } from "../output.ts";
import type { Project } from "../project.ts";
import { type AlertRow, alertRow, jobs, type RunRow, runRow } from "../rows.ts";
import { countersOf } from "../watch-run.ts";

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
  const rows = alerts.map((it) => [
    `#${it.id}`,
    it.code ?? "",
    it.severity,
    it.message,
    `since ${span(now.getTime() - new Date(it.first_seen_at).getTime())}, seen ${it.occurrences} times`,
  ]);
  return `Open alerts (docs/payments-ops.md says what to do)\n${indent(columns(rows))}`;
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
  schedule: z.infer<typeof scheduleAnswer>["schedules"][number] | null;
};

function describeJob({ job, running, runs, braked, schedule }: JobState, now: Date): string {
  const last = runs.find(({ backlog }) => backlog !== null);
  const facts = [
    ["now", running ? `${running.status} since ${moment(running.started_at ?? running.created_at, now)}` : "idle"],
    ["brake", braked ? "ON: more is due than usual, nothing is touched until an operator releases it" : "off"],
    ["next", describeNext(schedule, now)],
    schedule
      ? [
        "due now",
        `${schedule.due ?? 0}${schedule.oldestDueAt ? `, the oldest since ${moment(schedule.oldestDueAt, now)}` : ""}`,
      ]
      : ["due", last ? `${last.backlog} when the last run ended` : "unknown: no run has ended yet"],
  ];
  const lines = runs.map((run) => describeLine(run, now));
  return [job, indent(columns(facts)), lines.length > 0 ? indent(columns(lines)) : "  no run yet"].join("\n");
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
    run.error ?? "",
  ];
  const took = run.duration_ms === null ? "" : `${(run.duration_ms / 1_000).toFixed(1)} s`;
  return [moment(run.created_at, now), run.status, run.trigger, took, about.filter((it) => it !== "").join(" · ")];
}
