import { z } from "zod";
import { type Context, defineCommand, orderId, type Outcome, typedText } from "../command.ts";
import { RefusedError } from "../errors.ts";
import type { Project } from "../project.ts";
import { type RunRow, runRow, uuid } from "../rows.ts";
import { followRun, isGoodRun } from "../watch-run.ts";
import { describeOrder } from "./order.ts";
import { describeRun, readFailures } from "./run.ts";

const input = z.strictObject({ argument: orderId, reason: typedText });
const JOB = "expire-stale-orders";

export const sync = defineCommand({
  name: "sync",
  argument: "ORDER",
  summary: "Asks Stripe about one order now and settles it; pending past its deadline, or quarantined",
  options: { reason: { value: "TEXT", help: "why; is kept with the run" } },
  input,
  run: synchronise,
});

async function synchronise({ argument, reason }: z.infer<typeof input>, context: Context): Promise<Outcome> {
  const project = await context.connect();
  const run = await runFor(project, { orderId: argument, reason, progress: context.progress });
  const order = await describeOrder(project, argument);
  const { text } = describeRun(run, await readFailures(project, run));
  return { well: isGoodRun(run), json: { run, ...(order.json as object) }, text: `${text}\n\n${order.text}` };
}

type Wish = { orderId: string; reason: string; progress: (text: string) => void };

/**
 * The restricted run, once it got its turn. Only one run of a job works at a time; as the order is due from the first wish on, the
 * run that works now may settle it itself, and then that run is the answer.
 */
async function runFor(project: Project, { orderId, reason, progress }: Wish): Promise<RunRow> {
  const askedAt = await project.call("jobs_schedule", {}, z.object({ now: z.string() }));
  for (let turn = 1; turn <= 5; turn++) {
    const runId = await wish(project, { orderId, reason }).catch(async (error) => {
      const other = error instanceof RefusedError && turn > 1
        ? await settledBy(project, orderId, askedAt.now)
        : undefined;
      if (other) return other;
      throw error;
    });
    if (typeof runId !== "string") return runId;
    await project.invoke(JOB, { runId });
    const run = await followRun(project, runId, { progress });
    if (run.status !== "skipped") return run;
    progress("Another run is at work; waiting for its end");
    await otherRunsEnd(project, progress);
    const other = await settledBy(project, orderId, askedAt.now);
    if (other) return other;
  }
  throw new RefusedError(
    `Cannot synchronise order ${orderId} now as other runs are at work; it is due, and the next run takes it`,
  );
}

async function wish(
  project: Project,
  { orderId, reason }: { orderId: string; reason: string },
): Promise<string | RunRow> {
  const args = { p_order_id: orderId, p_reason: reason, p_requested_by: project.requestedBy };
  return (await project.call("jobs_sync_order", args, z.object({ runId: uuid }))).runId;
}

async function otherRunsEnd(project: Project, progress: (text: string) => void): Promise<void> {
  const running = project.client.from("job_runs").select("*").eq("job", JOB).eq("status", "running").eq(
    "dry_run",
    false,
  );
  for (const run of await project.rows(running, runRow)) await followRun(project, run.id, { progress });
}

/** The run that decided about the order after this command began, if one did. */
async function settledBy({ client, rows }: Project, orderId: string, since: string): Promise<RunRow | undefined> {
  const decisions = await rows(
    client.from("job_decisions").select("run_id").eq("order_id", orderId).eq("subject", "order").gte(
      "decided_at",
      since,
    )
      .order("id", { ascending: false }).limit(1),
    z.object({ run_id: uuid }),
  );
  if (decisions[0] === undefined) return undefined;
  return (await rows(client.from("job_runs").select("*").eq("id", decisions[0].run_id), runRow))[0];
}
