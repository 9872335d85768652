import { z } from "zod";
import { defineCommand, type Outcome, typedInteger } from "../command.ts";
import { RefusedError, UsageError } from "../errors.ts";
import { counted, explained, moment, table } from "../output.ts";
import type { Project } from "../project.ts";
import { decisionRow, JOBS, jobWords, type RunRow, runRow } from "../rows.ts";
import { describeRun, isGoodRun, listRun, readRun } from "../runs.ts";

export const runs = defineCommand({
  name: "runs",
  argument: "[ID]",
  summary: "The last runs: when, how they ended, what they did; or one run with its decisions",
  options: {
    job: { value: jobWords.join("|"), help: "runs of this job only" },
    limit: { value: "N", help: "how many runs, or decisions of one run (20)" },
  },
  input: z.strictObject({
    argument: z.guid("it is not the id of a run").optional(),
    job: z.enum(jobWords, `it is not one of ${jobWords.join(", ")}`).optional(),
    limit: typedInteger(1, 1_000).default(20),
  }),
  run: async ({ argument, job, limit }, context) => {
    if (argument !== undefined && job !== undefined) {
      throw new UsageError("Cannot list runs: --job and the id of one run exclude each other. Give one of them");
    }
    const project = await context.connect();
    return argument === undefined ? await listRuns(project, { job, limit }) : await showRun(project, argument, limit);
  },
});

type Chosen = { job: keyof typeof JOBS | undefined; limit: number };

async function listRuns({ client, rows }: Project, { job, limit }: Chosen): Promise<Outcome> {
  const all = client.from("lapse_runs").select("*").order("created_at", { ascending: false }).limit(limit);
  const found = await rows(job ? all.eq("job", JOBS[job]) : all, runRow);
  const now = new Date();
  const text = found.length === 0 ? "No run yet" : found.map((run) => listRun(run, now)).join("\n");
  return { well: true, json: found, text };
}

async function showRun(project: Project, id: string, limit: number): Promise<Outcome> {
  const run = await readRun(project, id);
  if (run === undefined) {
    throw new RefusedError(`Cannot show run ${id}: there is none, or it ended longer ago than settings.keep_runs`);
  }
  const query = project.client.from("lapse_decisions").select("*").eq("run_id", id);
  const newest = await project.rows(query.order("id", { ascending: false }).limit(limit), decisionRow);
  const decisions = newest.reverse();
  const { text } = await describeRun(project, run);
  const told = [
    text,
    table(factsOf(run, new Date())),
    decisions.length < limit ? "Decisions" : `Decisions, the last ${limit} (--limit N shows up to 1,000)`,
    table(decisions.map((it) => [
      it.ref ?? "",
      it.stripeId ?? (it.unitsReleased > 0 ? counted(it.unitsReleased, "unit") : "order"),
      it.outcome,
      explained(it.reason),
    ])),
  ];
  return { well: run.finishedAt === null || isGoodRun(run), json: { run, decisions }, text: told.join("\n") };
}

function factsOf(run: RunRow, now: Date): string[][] {
  const by = [run.trigger, run.requestedBy].filter((it) => it).join(", ");
  const optional = (name: string, value: string | null) => value === null ? [] : [[name, value]];
  return [
    ["requested", `${moment(run.createdAt, now)} by ${by}`],
    ...optional("reason", run.reason),
    ...optional("ended", run.finishedAt && moment(run.finishedAt, now)),
    ...optional("only order", run.ref),
    ...optional("oldest due", run.oldestDueAt && moment(run.oldestDueAt, now)),
  ];
}
