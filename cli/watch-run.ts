import type { Project } from "./project.ts";
import { UnreachableError } from "./errors.ts";
import { counted } from "./output.ts";
import { type RunRow, runRow } from "./rows.ts";

const POLL_MS = 700;
/** Longer than any run may last; a run that dies is marked lost within minutes. */
const PATIENCE_MS = 10 * 60_000;
/** No row by then means that the run never began. */
const START_PATIENCE_MS = 20_000;

/** One run, or undefined while it has no row. */
export async function readRun(project: Project, runId: string): Promise<RunRow | undefined> {
  return (await project.rows(project.client.from("job_runs").select("*").eq("id", runId), runRow))[0];
}

/** Follows a run until it has ended, telling how far it is whenever that changed. */
export async function followRun(
  project: Project,
  runId: string,
  { progress, patienceMs = PATIENCE_MS }: { progress: (text: string) => void; patienceMs?: number },
): Promise<RunRow> {
  const startedAt = performance.now();
  let told = "";
  for (;;) {
    const run = await readRun(project, runId);
    if (run && run.finished_at !== null) return run;
    const waited = performance.now() - startedAt;
    if (waited > patienceMs || (run === undefined && waited > START_PATIENCE_MS)) {
      throw new UnreachableError(
        `Cannot wait any longer for run ${runId}: current value is ${run?.status ?? "never begun"}`,
      );
    }
    const now = run ? progressOf(run) : "";
    if (now !== told) progress(`${Math.round(waited / 1_000)} s  ${told = now}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Whether the run did what a run is for. */
export function isGoodRun({ status }: RunRow): boolean {
  return status === "succeeded" || status === "partial";
}

/** The counters that are not zero, in words; empty when all are. */
export function countersOf(run: RunRow): string {
  const counters: [number, string, string?][] = [
    [run.payments_expired, "order expired", "orders expired"],
    [run.stock_released, "unit released", "units released"],
    [run.orders_paid, "paid", "paid"],
    [run.orders_waiting, "waiting", "waiting"],
    [run.orders_retried, "to be tried again", "to be tried again"],
    [run.orders_quarantined, "set aside", "set aside"],
    [run.payment_intents_canceled, "intent cancelled", "intents cancelled"],
    [run.checkout_sessions_expired, "session expired", "sessions expired"],
    [run.late_payments, "late payment"],
  ];
  return counters.filter(([n]) => n > 0).map(([n, one, many]) => counted(n, one, many)).join(" · ");
}

/** What a run says of itself beside its counters; that orders are tried again, they say already. */
export function errorOf({ error, orders_retried }: RunRow): string {
  return orders_retried > 0 && error?.endsWith("will be tried again") ? "" : error ?? "";
}

function progressOf(run: RunRow): string {
  const counters = countersOf(run);
  return counters === "" ? run.status : counters;
}
