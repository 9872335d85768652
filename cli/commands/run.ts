import { z } from "zod";
import { type Command, type Context, defineCommand, type Outcome, typedInteger, typedText } from "../command.ts";
import { UsageError } from "../errors.ts";
import { counted, explained, moment, money, table } from "../output.ts";
import { parseAnswer } from "../project.ts";
import { JOBS, jobWords } from "../rows.ts";
import { describeRun, followRun, isGoodRun, readRun } from "../runs.ts";

const input = z.strictObject({
  wait: z.boolean().default(false),
  "dry-run": z.boolean().default(false),
  limit: typedInteger(1, 100_000).optional(),
  "release-brake": z.boolean().default(false),
  reason: typedText.optional(),
});

export const startingCommands = jobWords.map((word) => starting(`run ${word}`, JOBS[word]));

function starting(name: string, job: string): Command {
  return defineCommand({
    name,
    summary: `Starts a run of ${job}`,
    options: {
      wait: { help: "wait until the run has ended, and say what it did" },
      "dry-run": { help: "inspect, decide and report without changing anything (waits)" },
      limit: { value: "N", help: "most orders to decide" },
      "release-brake": { help: "work although more orders are due than the brake allows; needs --reason" },
      reason: { value: "TEXT", help: "why; is kept with the run" },
    },
    input,
    run: (given, context) => startRun(job, given, context),
  });
}

async function startRun(job: string, given: z.infer<typeof input>, context: Context): Promise<Outcome> {
  if (given["release-brake"] && given.reason === undefined) {
    throw new UsageError("Cannot release the brake: --reason TEXT is missing");
  }
  const project = await context.connect();
  const runId = crypto.randomUUID();
  const dryRun = given["dry-run"];
  const answer = await project.invoke(job, {
    runId,
    dryRun,
    // Only the answer to a dry run lists its decisions; everything else about a run stands in its row.
    wait: dryRun,
    limit: given.limit ?? null,
    releaseBrake: given["release-brake"],
    reason: given.reason ?? null,
  });
  if (dryRun) return describePreview(answer);
  if (!given.wait) {
    // A run that was refused, by the brake for example, has ended before the function answers.
    const refused = await readRun(project, runId);
    if (refused && refused.finishedAt !== null && !isGoodRun(refused)) return await describeRun(project, refused);
    const text = `Run ${runId} has begun. Follow it with\n  npm run lapse -- runs ${runId}`;
    return { well: true, json: { runId, status: "started" }, text };
  }
  return await describeRun(project, await followRun(project, runId, context));
}

const decided = { outcome: z.string(), reason: z.string() };
const previewed = z.looseObject({
  runId: z.guid(),
  status: z.string(),
  error: z.string().nullable(),
  summary: z.array(z.looseObject({
    ...decided,
    orders: z.int(),
    amounts: z.record(z.string(), z.number()),
    methods: z.record(z.string(), z.int()),
    oldestDeadline: z.string().nullable(),
  })).default([]),
  decisions: z.array(z.looseObject({
    ref: z.string(),
    ...decided,
    payments: z.array(z.looseObject({ stripeId: z.string(), ...decided })),
  })).default([]),
});

/** Orders shown one by one. */
const SHOWN = 50;

function describePreview(answer: unknown): Outcome {
  const { runId, status, error, summary, decisions } = parseAnswer(previewed, { value: answer, of: "the function" });
  const now = new Date();
  const groups = summary.map((it) => [
    `${it.orders} × ${it.outcome}`,
    Object.entries(it.amounts).map(([currency, amount]) => money(amount, currency)).join(", "),
    Object.entries(it.methods).map(([method, orders]) => `${method} ${orders}`).join(", "),
    it.oldestDeadline === null ? "" : `oldest deadline ${moment(it.oldestDeadline, now)}`,
    explained(it.reason),
  ]);
  const orders = decisions.slice(0, SHOWN).flatMap((order) => [
    [order.ref, order.outcome, order.reason],
    ...order.payments.map((it) => [`  ${it.stripeId}`, it.outcome, it.reason]),
  ]);
  const more = decisions.length - SHOWN;
  const text = [
    `Dry run ${runId}: ${status}. It would decide ${counted(decisions.length, "order")}; it changed nothing`,
    ...(error ? [`  ${error}`] : []),
    ...(groups.length > 0 ? [table(groups), "Orders", table(orders)] : []),
    ...(more > 0 ? [`  … and ${more} more (--json shows all)`] : []),
  ];
  return { well: isGoodRun({ status }), json: answer, text: text.join("\n") };
}
