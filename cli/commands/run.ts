import { z } from "zod";
import { type Command, type Context, defineCommand, type Outcome, typedInteger, typedText } from "../command.ts";
import { UnreachableError, UsageError } from "../errors.ts";
import { columns, counted, indent } from "../output.ts";
import type { Project } from "../project.ts";
import { explain } from "../reasons.ts";
import { type RunRow, uuid } from "../rows.ts";
import { countersOf, errorOf, followRun, isGoodRun } from "../watch-run.ts";

const input = z.strictObject({
  wait: z.boolean().default(false),
  "dry-run": z.boolean().default(false),
  limit: typedInteger(1, 100_000).optional(),
  "release-brake": z.boolean().default(false),
  reason: typedText.optional(),
});

function commandFor(name: string, job: string, items: string): Command {
  return defineCommand({
    name,
    summary: `Starts a run of ${job}`,
    options: {
      wait: { help: "wait for its end and say what it did" },
      "dry-run": { help: "look, decide, report, and change nothing (waits)" },
      limit: { value: "N", help: `most ${items} to decide` },
      "release-brake": { help: `let it work although more ${items} are due than the brake allows; needs --reason` },
      reason: { value: "TEXT", help: "why; is kept with the run" },
    },
    input,
    run: (given, context) => startRun(job, given, context),
  });
}

export const runExpire = commandFor("run:expire", "expire-stale-orders", "orders");
export const runCleanup = commandFor("run:cleanup", "cleanup-stale-payment-intents", "payments");

async function startRun(job: string, given: z.infer<typeof input>, context: Context): Promise<Outcome> {
  if (given["release-brake"] && given.reason === undefined) {
    throw new UsageError("Cannot release the brake without a reason: add --reason TEXT");
  }
  const project = await context.connect();
  const runId = crypto.randomUUID();
  const dryRun = given["dry-run"];
  const answer = project.invoke(job, {
    runId,
    dryRun,
    // Only a dry run's decisions come with the answer; everything else of a run stands in its row.
    wait: dryRun,
    limit: given.limit ?? null,
    releaseBrake: given["release-brake"],
    reason: given.reason ?? null,
  });
  if (dryRun) return describePreview(await answer);
  await answer;
  if (!given.wait) {
    const text = `Run ${runId} has begun. Follow it with: npm run --silent jobs:status`;
    return { well: true, json: { runId, status: "started" }, text };
  }
  const run = await followRun(project, runId, context);
  return describeRun(run, await readFailures(project, run));
}

/** A run that has ended, as every command shows it. */
export function describeRun(run: RunRow, failures: string[]): Outcome {
  const seconds = run.duration_ms === null ? "" : ` after ${(run.duration_ms / 1_000).toFixed(1)} s`;
  const left = run.backlog === null ? "" : `; ${run.backlog.toLocaleString("en-US")} left due`;
  const lines = [
    `Run ${run.id} of ${run.job}: ${run.status}${seconds}`,
    `  ${countersOf(run) || "nothing was decided"}`,
    ...failures.map((it) => `  ${it}`),
    ...[errorOf(run)].filter((it) => it !== "").map((it) => `  ${it}`),
    `  ${counted(run.stripe_calls, "call")} to Stripe, ${run.stripe_throttled} of them throttled${left}`,
  ];
  if (run.status === "braked") {
    lines.push("  Look: -- --dry-run --limit 20; release: -- --wait --release-brake --reason TEXT (L007)");
  }
  return { well: isGoodRun(run), json: run, text: lines.join("\n") };
}

const failure = z.object({ reason: z.string() });

/** Why orders are to be tried again, each reason once: the run itself only counts them. */
export async function readFailures({ client, rows }: Project, run: RunRow): Promise<string[]> {
  if (run.orders_retried === 0) return [];
  const query = client.from("job_decisions").select("reason").eq("run_id", run.id).eq("subject", "order").eq(
    "outcome",
    "retry",
  ).limit(1_000);
  const counts = new Map<string, number>();
  for (const { reason } of await rows(query, failure)) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].map(([reason, n]) => `tried again: ${n} × ${reason}: ${explain(reason) ?? "no known reason"}`);
}

const previewed = z.looseObject({
  runId: uuid,
  status: z.string(),
  error: z.string().nullable(),
  decisions: z.array(z.looseObject({
    orderId: z.string().nullish(),
    stripeId: z.string().nullish(),
    outcome: z.string(),
    reason: z.string(),
  })).default([]),
});

const SHOWN = 50;

function describePreview(answer: unknown): Outcome {
  const parsed = previewed.safeParse(answer);
  if (!parsed.success) throw new UnreachableError("Cannot read the function's answer: is it of this version?");
  const { runId, status, error, decisions } = parsed.data;
  const rows = decisions.slice(0, SHOWN).map((it) => [it.stripeId ?? it.orderId ?? "", it.outcome, it.reason]);
  const more = decisions.length > SHOWN ? [`  … and ${decisions.length - SHOWN} more (--json shows all)`] : [];
  const head = `Dry run ${runId}: ${status}, ${decisions.length} would be decided, nothing was changed`;
  const text = [head, ...(error ? [`  ${error}`] : []), ...(rows.length > 0 ? [indent(columns(rows))] : []), ...more];
  return { well: status === "succeeded" || status === "partial", json: answer, text: text.join("\n") };
}
