import { z } from "zod";
import { RefusedError, UnreachableError } from "./errors.ts";
import { counted, distance, explained, paragraph } from "./output.ts";
import type { Outcome } from "./command.ts";
import type { Project } from "./project.ts";
import { JOBS, runCommandOf, type RunRow, runRow, wordOf } from "./rows.ts";

const POLL_MS = 700;
/** Longer than any run takes. The watch marks a dead run as lost within minutes. */
const PATIENCE_MS = 10 * 60_000;
/** A run without a row after this time never began. */
const START_PATIENCE_MS = 20_000;

/** One run; undefined if it has no row yet. */
export async function readRun(project: Project, runId: string): Promise<RunRow | undefined> {
  return (await project.rows(project.client.from("lapse_runs").select("*").eq("id", runId), runRow))[0];
}

/** Waits for a run to end, and reports its progress. */
export async function followRun(
  project: Project,
  runId: string,
  { progress, patienceMs = PATIENCE_MS }: { progress: (text: string) => void; patienceMs?: number },
): Promise<RunRow> {
  const startedAt = performance.now();
  let told = "";
  for (;;) {
    const run = await readRun(project, runId);
    if (run && run.finishedAt !== null) return run;
    const waited = performance.now() - startedAt;
    if (waited > patienceMs || (run === undefined && waited > START_PATIENCE_MS)) {
      const state = run ? `it is still ${run.status}` : "it never began";
      throw new UnreachableError(
        `Cannot wait longer for run ${runId}: ${state} after ${Math.round(waited / 1_000)} s. Read the function's log`,
      );
    }
    const now = run ? countersOf(run) || run.status : "";
    if (now !== told) progress(`${Math.round(waited / 1_000)} s  ${told = now}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/**
 * Starts the run that was queued for one order, and waits for it. Only one run of a job works at a time. The order is
 * due from the first request on, so a run that is working now may settle it; then that run is returned.
 *
 * `queue` queues a run for the order and returns its id.
 */
export async function runForOrder(
  project: Project,
  { ref, queue, progress }: { ref: string; queue: () => Promise<string>; progress: (text: string) => void },
): Promise<RunRow> {
  const { now: askedAt } = await project.call("lapse_schedule", {}, z.object({ now: z.string() }));
  for (let turn = 1; turn <= 5; turn++) {
    let runId: string;
    try {
      runId = await queue();
    } catch (error) {
      // Refused in a later turn because another run has settled the order.
      const other = error instanceof RefusedError && turn > 1
        ? await settledBy(project, { ref, since: askedAt })
        : null;
      if (other) return other;
      throw error;
    }
    await project.invoke(JOBS.expire, { runId });
    const run = await followRun(project, runId, { progress });
    if (run.status !== "skipped") return run;
    await waitForOthers(project, progress);
    const other = await settledBy(project, { ref, since: askedAt });
    if (other) return other;
  }
  throw new RefusedError(
    `Cannot work on order ${ref} now: other runs are working. It is due, and the next run takes it`,
  );
}

/** Waits until no run works on orders. */
export async function waitForOthers(project: Project, progress: (text: string) => void): Promise<void> {
  const query = project.client.from("lapse_runs").select("*").eq("job", JOBS.expire).eq("status", "running");
  for (const run of await project.rows(query.eq("dry_run", false), runRow)) {
    progress("Another run is working; waiting until it has ended");
    await followRun(project, run.id, { progress });
  }
}

/** The run that has decided about the order since then, or null. */
async function settledBy(project: Project, { ref, since }: { ref: string; since: string }): Promise<RunRow | null> {
  const decisions = project.client.from("lapse_decisions").select("run_id").eq("ref", ref).eq("subject", "order")
    .gte("decided_at", since).order("id", { ascending: false }).limit(1);
  const [last] = await project.rows(decisions, z.object({ runId: z.guid() }));
  return last ? await readRun(project, last.runId) ?? null : null;
}

/** Whether the run ended as it should. */
export function isGoodRun({ status }: { status: string }): boolean {
  return status === "succeeded" || status === "partial";
}

/** The counters that are not zero, in words; empty if all are zero. */
export function countersOf(run: RunRow): string {
  const counters: [number, string, string?][] = [
    [run.ordersExpired, "order expired", "orders expired"],
    [run.stockReleased, "unit released", "units released"],
    [run.ordersPaid, "paid", "paid"],
    [run.ordersWaiting, "waiting", "waiting"],
    [run.ordersRetried, "to retry", "to retry"],
    [run.ordersQuarantined, "quarantined", "quarantined"],
    [run.paymentIntentsCanceled, "intent cancelled", "intents cancelled"],
    [run.checkoutSessionsExpired, "session expired", "sessions expired"],
    [run.latePayments, "late payment"],
  ];
  return counters.filter(([n]) => n > 0).map(([n, one, many]) => counted(n, one, many)).join(" · ");
}

/** A run in a list: one line to identify it, and one with its result. */
export function listRun(run: RunRow, now: Date): string {
  const took = run.durationMs === null ? "" : `${(run.durationMs / 1_000).toFixed(1)} s`;
  const line = [run.id, distance(run.createdAt, now).padEnd(10), wordOf(run.job).padEnd(7), run.status.padEnd(9), took];
  const about = [
    run.trigger,
    run.dryRun ? "dry run" : "",
    run.ref === null ? "" : `only order ${run.ref}`,
    countersOf(run),
    run.error,
  ];
  return [line.join("  ").trimEnd(), paragraph(about.filter((it) => it).join(" · "), 4)].join("\n");
}

/** A run that has ended, in the form that every command shows. */
export async function describeRun(project: Project, run: RunRow): Promise<Outcome> {
  const seconds = run.durationMs === null ? "" : ` after ${(run.durationMs / 1_000).toFixed(1)} s`;
  const left = run.backlog === null ? "" : `; ${run.backlog.toLocaleString("en-US")} left due`;
  const lines = [
    `Run ${run.id}: ${run.status}${seconds}`,
    `  ${run.job}`,
    paragraph(countersOf(run) || "nothing was decided"),
    ...await readRetries(project, run),
    ...(run.error ? [paragraph(run.error)] : []),
    `  ${counted(run.stripeCalls, "call")} to Stripe, ${run.stripeThrottled} of them throttled${left}`,
  ];
  if (run.status === "braked") {
    const command = runCommandOf(run.job);
    lines.push("  Inspect first, then release the brake (runbook, L007):");
    lines.push(`  ${command} --dry-run`, `  ${command} --wait --release-brake --reason TEXT`);
  }
  return { well: isGoodRun(run), json: run, text: lines.join("\n") };
}

/** Why orders must be retried, each reason once. The run's row has only their number. */
async function readRetries({ client, rows }: Project, run: RunRow): Promise<string[]> {
  if (run.ordersRetried === 0) return [];
  const query = client.from("lapse_decisions").select("reason").eq("run_id", run.id).eq("subject", "order");
  const counts = new Map<string, number>();
  for (const { reason } of await rows(query.eq("outcome", "retry").limit(1_000), z.object({ reason: z.string() }))) {
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [...counts].map(([reason, n]) => paragraph(`retry: ${n} × ${explained(reason)}`));
}
