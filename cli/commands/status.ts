import { z } from "zod";
import { defineCommand, typedInteger } from "../command.ts";
import { counted, moment, table } from "../output.ts";
import type { Project } from "../project.ts";
import { jobs, runRow } from "../rows.ts";
import { listRun } from "../runs.ts";
import { describeAlerts, readOpenAlerts } from "./alerts.ts";

export const status = defineCommand({
  name: "status",
  summary: "State of the jobs: running, last runs, brake, backlog, next run, open alerts",
  options: { runs: { value: "N", help: "runs shown of each job (5)" } },
  input: z.strictObject({ runs: typedInteger(1, 100).default(5) }),
  run: async (given, context) => {
    const project = await context.connect();
    const [alerts, schedule, ...states] = await Promise.all([
      readOpenAlerts(project),
      readSchedule(project),
      ...jobs.map((job) => readJob(project, job, given.runs)),
    ]);
    const now = new Date();
    const all: JobState[] = states.map((state) => ({
      ...state,
      braked: alerts.some(({ key }) => key === `brake:${state.job}`),
      schedule: schedule?.schedules.find(({ job }) => job === state.job) ?? null,
    }));
    const { url } = project.target;
    const json = { project: url, openAlerts: alerts, brakeThreshold: schedule?.brakeThreshold ?? null, jobs: all };
    const text = [`Project ${url}`, ...all.map((job) => describeJob(job, now)), describeAlerts(alerts, now)];
    return { well: alerts.length === 0, json, text: text.join("\n\n") };
  },
});

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
type Schedule = z.infer<typeof scheduleAnswer>["schedules"][number];

/** Null for a user who signed in, because the schedule is private. */
export async function readSchedule({ call, target }: Project) {
  return target.credentials.kind === "login" ? null : await call("lapse_schedule", {}, scheduleAnswer);
}

async function readJob({ rows, client }: Project, job: string, limit: number) {
  const own = client.from("lapse_runs").select("*").eq("job", job);
  const runs = await rows(own.order("created_at", { ascending: false }).limit(limit), runRow);
  return { job, running: runs.find(({ finishedAt }) => finishedAt === null) ?? null, runs };
}

type JobState = Awaited<ReturnType<typeof readJob>> & { braked: boolean; schedule: Schedule | null };

function describeJob({ job, running, runs, braked, schedule }: JobState, now: Date): string {
  const last = runs.find(({ backlog }) => backlog !== null);
  const facts = [
    ["now", running ? `${running.status} since ${moment(running.startedAt ?? running.createdAt, now)}` : "idle"],
    [
      "brake",
      braked ? "ON: no run changes anything until you release it (runbook, L007)" : "off",
    ],
    ["next", describeNext(schedule, now)],
    schedule
      ? ["due now", describeDue(schedule, now)]
      : ["due", last ? `${last.backlog} when the last run ended` : "unknown: no run has ended yet"],
  ];
  const told = runs.length === 0 ? ["  no run yet"] : runs.map((run) => listRun(run, now));
  return [job, table(facts), ...told].join("\n");
}

function describeDue({ due, oldestDueAt }: Schedule, now: Date): string {
  return `${counted(due ?? 0, "order")}${oldestDueAt ? `, the oldest since ${moment(oldestDueAt, now)}` : ""}`;
}

function describeNext(schedule: Schedule | null, now: Date): string {
  if (schedule === null) return "not shown to a user who signed in (needs LAPSE_SECRET_KEY)";
  if (!schedule.active) return "PAUSED";
  return `${moment(schedule.nextAt, now)}${schedule.timeZone ? ", weekly" : `, ${schedule.cron}`}`;
}
