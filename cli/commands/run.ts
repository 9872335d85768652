import { z } from "zod";
import { type Command, type Context, defineCommand, type Outcome, typedInteger, typedText } from "../command.ts";
import { RefusedError, UsageError } from "../errors.ts";
import { counted, distance, explained, money, paragraph, table, wrap } from "../output.ts";
import { parseAnswer, type Project } from "../project.ts";
import { JOBS, jobWords, runCommandOf } from "../rows.ts";
import { describeRun, followRun, isGoodRun, readRun } from "../runs.ts";

const input = z.strictObject({
  wait: z.boolean().default(false),
  "dry-run": z.boolean().default(false),
  limit: typedInteger(1, 100_000).optional(),
  "release-brake": z.boolean().default(false),
  "skip-dry-run": z.boolean().default(false),
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
      limit: { value: "N", help: "maximum number of orders to decide" },
      "release-brake": { help: "run although more orders are due than the brake allows; needs --reason" },
      "skip-dry-run": { help: "release the brake without a dry run in the last day" },
      reason: { value: "TEXT", help: "why; recorded with the run" },
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
  if (given["release-brake"] && !given["skip-dry-run"]) await demandDryRun(project, job);
  const runId = crypto.randomUUID();
  const dryRun = given["dry-run"];
  const answer = await project.invoke(job, {
    runId,
    dryRun,
    // Only the answer to a dry run contains its decisions. Everything else about a run is in its row.
    wait: dryRun,
    limit: given.limit ?? null,
    releaseBrake: given["release-brake"],
    reason: given.reason ?? null,
  });
  if (dryRun) return describePreview(answer);
  if (!given.wait) {
    // A run that was refused, for example by the brake, has ended before the function answers.
    const refused = await readRun(project, runId);
    if (refused && refused.finishedAt !== null && !isGoodRun(refused)) return await describeRun(project, refused);
    const text = `Run ${runId} has begun. Follow it with\n  npm run lapse -- runs ${runId}`;
    return { well: true, json: { runId, status: "started" }, text };
  }
  return await describeRun(project, await followRun(project, runId, context));
}

/**
 * Releasing the brake requires a recent dry run: it takes a minute, and closed orders cannot be reopened.
 *
 * @throws RefusedError without a dry run of the job in the last day.
 */
async function demandDryRun({ client, rows }: Project, job: string): Promise<void> {
  const since = new Date(Date.now() - 24 * 3_600_000).toISOString();
  const recent = client.from("lapse_runs").select("id").eq("job", job).gte("created_at", since);
  const looked = recent.eq("dry_run", true).in("status", ["succeeded", "partial"]).limit(1);
  if ((await rows(looked, z.object({ id: z.guid() }))).length > 0) return;
  throw new RefusedError([
    "Cannot release the brake: there was no dry run in the last day. Start one:",
    `  ${runCommandOf(job)} --dry-run`,
    "or, if you know what is due, add --skip-dry-run",
  ].join("\n"));
}

const decided = { outcome: z.string(), reason: z.string() };
const previewGroup = z.object({
  ...decided,
  orders: z.int(),
  amounts: z.record(z.string(), z.number()),
  units: z.int(),
  methods: z.record(z.string(), z.int()),
  ages: z.object({ underAnHour: z.int(), underADay: z.int(), older: z.int() }),
  oldestDeadline: z.string().nullable(),
  oldestRef: z.string().nullable(),
  largest: z.object({ ref: z.string(), amount: z.int(), currency: z.string() }).nullable(),
});
const previewed = z.looseObject({
  runId: z.guid(),
  status: z.string(),
  error: z.string().nullable(),
  summary: z.array(previewGroup).default([]),
  decisions: z.array(z.looseObject({
    ref: z.string(),
    ...decided,
    payments: z.array(z.looseObject({ stripeId: z.string(), ...decided })),
  })).default([]),
});

/** How many orders are shown individually. */
const SHOWN = 20;

/** Shows the decisions first and the summary last, where it is seen when the command ends. */
function describePreview(answer: unknown): Outcome {
  const { runId, status, error, summary, decisions } = parseAnswer(previewed, { value: answer, of: "the function" });
  const now = new Date();
  const orders = decisions.slice(0, SHOWN).flatMap((order) => [
    [order.ref, order.outcome, order.reason],
    ...order.payments.map((it) => [`  ${it.stripeId}`, it.outcome, it.reason]),
  ]);
  const more = decisions.length - SHOWN;
  const text = [
    ...wrap(`Dry run ${runId}: ${status}. It changed nothing`),
    ...(error ? [paragraph(error)] : []),
    ...(orders.length > 0 ? ["Orders", table(orders)] : []),
    ...(more > 0 ? [`  … and ${more} more (--json shows all)`] : []),
    `It would decide ${counted(decisions.length, "order")}${summary.length > 0 ? ":" : ""}`,
    ...summary.map((it) => describeGroup(it, now)),
  ];
  return { well: isGoodRun({ status }), json: answer, text: text.join("\n") };
}

function describeGroup({ outcome, reason, orders, units, ...group }: z.infer<typeof previewGroup>, now: Date): string {
  const { underAnHour, underADay, older } = group.ages;
  const ages: [number, string][] = [[underAnHour, "under an hour"], [underADay, "under a day"], [older, "older"]];
  const { largest, oldestRef, oldestDeadline } = group;
  return [
    paragraph(`${orders} ${outcome}: ${explained(reason)}`),
    table([
      ["money", Object.entries(group.amounts).map(([currency, amount]) => money(amount, currency)).join(", ")],
      ["units", `${units}`],
      ["methods", Object.entries(group.methods).map(([method, n]) => `${n} ${method}`).join(", ")],
      ["overdue", ages.filter(([n]) => n > 0).map(([n, age]) => `${n} ${age}`).join(", ")],
      ["oldest", oldestDeadline === null ? "" : `${oldestRef}, deadline ${distance(oldestDeadline, now)}`],
      ["largest", largest === null ? "" : `${largest.ref}, ${money(largest.amount, largest.currency)}`],
    ].filter(([, text]) => text !== "")),
  ].join("\n");
}
