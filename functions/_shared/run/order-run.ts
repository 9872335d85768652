import type { Database } from "../database/database.ts";
import type { Lease } from "../database/runs.ts";
import { createKeyCheck, isKeyDoubtful, type KeyCheck } from "../protocol/key-check.ts";
import type { Reason } from "../rules/reasons.ts";
import type { StripeGateway } from "../stripe/gateway.ts";
import type { JobResult, Ports, Task } from "./job.ts";

/** A page costs about 2 ms of CPU, and a run has 0.6 s. */
const MAX_PAGES = 100;

/** The context in which orders are inspected. A dry run needs nothing else. */
export type Inspection = { ports: Ports; task: Task; gateway: StripeGateway; progress: Progress };

/** A run that changes orders. Everything that works at the same time in it shares this object. */
export type OrderRun = Inspection & { lease: Lease };

export type Progress = {
  /** How many more orders the run may decide: of the caller's limit, and of its own share (`runOrders`). */
  limitLeft: number;
  shareLeft: number;
  /** How many more pages of Stripe's lists it may read. */
  pagesLeft: number;
  /** Orders decided and list windows recorded. A run without progress is not continued at once. */
  done: number;
  failed: number;
  /** What all batches together have learned about the key. */
  keyCheck: KeyCheck;
  /** Why every further call to Stripe would fail. */
  stop: Reason | null;
  /** Lists that could not be read; the orders of their accounts wait. */
  unread: string[];
  /** Why orders were handed back although nothing is wrong with them. */
  delay: string | null;
  /** Why the run handed over before its work was done. */
  handover: "It used up its share of orders" | "It ran out of time" | "Its worker is being retired" | null;
  /** The first error that broke the run. */
  broken: { error: unknown } | null;
};

/** Claims orders for a run: {@linkcode Database.claimOrders} or `claimWithoutPayments`. */
export type ClaimOrders = Database["claimOrders"];

export async function beginInspection(ports: Ports, task: Task): Promise<Inspection> {
  return {
    ports,
    task,
    gateway: await ports.openStripe(),
    progress: {
      limitLeft: task.limit,
      shareLeft: task.settings.runOrders,
      pagesLeft: MAX_PAGES,
      done: 0,
      failed: 0,
      keyCheck: createKeyCheck(),
      stop: null,
      unread: [],
      delay: null,
      handover: null,
      broken: null,
    },
  };
}

/** Whether the run must not begin anything more. */
export function mustStop(run: Inspection): boolean {
  return run.progress.stop !== null || run.progress.broken !== null || mustHandOver(run);
}

/** Whether the run must hand over, because its time or its worker's is over. Call this before every longer step. */
export function mustHandOver({ ports: { clock, deadline, retired }, progress }: Inspection): boolean {
  if (retired.aborted) progress.handover ??= "Its worker is being retired";
  else if (clock.now() >= deadline.claim) progress.handover ??= "It ran out of time";
  return progress.handover !== null;
}

/**
 * The result of the run. One that was stopped or delayed has no continuation, which would hit the same problem at
 * once: the next tick continues.
 *
 * @throws the error that broke the run.
 */
export function resultOf({ progress }: Inspection): JobResult {
  const { keyCheck, delay, unread, failed, broken, done } = progress;
  if (broken) throw broken.error;
  const stop = progress.stop ?? (isKeyDoubtful(keyCheck) ? "too_many_not_found" : null);
  if (stop) return { status: "failed", error: `Stripe stopped the run: ${stop}`, workLeft: false };
  const handover = progress.handover ?? (progress.pagesLeft <= 0 ? "It used up its share of pages" : null);
  const why = [
    delay && `Orders were handed back undecided, because the database did not settle them in time: ${delay}`,
    unread.length > 0 &&
    `Some of Stripe's lists could not be read, so the orders of their accounts wait: ${unread.slice(0, 5).join("; ")}`,
    failed > 0 && `${failed} orders could not be decided and will be retried`,
    handover && `${handover}: a continuation follows`,
  ].filter((it) => it);
  if (why.length === 0) return { status: "succeeded", error: null, workLeft: false };
  return { status: "partial", error: why.join(". "), workLeft: handover !== null && delay === null && done > 0 };
}
