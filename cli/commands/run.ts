import { z } from "zod";
import { type Command, type Context, defineCommand, type Outcome, typedInteger, typedText } from "../command.ts";
import { UnreachableError, UsageError } from "../errors.ts";
import { columns, indent } from "../output.ts";
import type { RunRow } from "../rows.ts";
import { countersOf, followRun, isGoodRun } from "../watch-run.ts";

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
  return describeRun(await followRun(project, runId, context));
}

/** A run that has ended, as every command shows it. */
export function describeRun(run: RunRow): Outcome {
  const seconds = run.duration_ms === null ? "" : ` after ${(run.duration_ms / 1_000).toFixed(1)} s`;
  const lines = [
    `Run ${run.id} of ${run.job}: ${run.status}${seconds}`,
    `  ${countersOf(run) || "nothing was decided"}`,
  ];
  if (run.error) lines.push(`  ${run.error}`);
  lines.push(
    `  ${run.stripe_calls} calls to Stripe, ${run.stripe_throttled} of them throttled; ${run.backlog ?? 0} left due`,
  );
  return { well: isGoodRun(run), json: run, text: lines.join("\n") };
}

const previewed = z.looseObject({
  runId: z.uuid(),
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
