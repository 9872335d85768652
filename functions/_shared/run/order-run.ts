import type { Database } from "../database/database.ts";
import type { Lease } from "../database/runs.ts";
import { createKeyCheck, isKeyDoubtful, type KeyCheck } from "../protocol/key-check.ts";
import type { Reason } from "../rules/reasons.ts";
import type { StripeGateway } from "../stripe/gateway.ts";
import type { JobResult, Ports, Task } from "./job.ts";

/** A page takes some 2 ms of CPU, and a run has 0.6 s. */
const PAGES_OF_A_RUN = 100;

/** What inspecting orders takes: what it may touch, what it was asked, and how far it has come. A dry run has no more than this. */
export type Inspection = { ports: Ports; task: Task; gateway: StripeGateway; progress: Progress };

/** A run that changes orders. Shared by everything in it that works at the same time. */
export type OrderRun = Inspection & { lease: Lease };

export type Progress = {
  /** Orders it may still decide: of those it was asked for, and of its own share (`runOrders`). */
  limitLeft: number;
  shareLeft: number;
  /** Pages of Stripe's lists it may still read. */
  pagesLeft: number;
  /** Orders decided and windows of lists recorded. A run that got nowhere is not continued at once. */
  done: number;
  failed: number;
  /** What all batches together have learned about the key. */
  keyCheck: KeyCheck;
  /** Why no call of this run can succeed. */
  stop: Reason | null;
  /** Lists that could not be read; their accounts' orders wait. */
  unread: string[];
  /** Why orders went back undecided although nothing is wrong with them. */
  delay: string | null;
  /** A settlement went back: its orders are due at once, and whoever claims on meets them again and again. */
  claimsNothing: boolean;
  /** Why it handed over before its work was done. */
  handover: "Its share of orders is used up" | "Its time is over" | "Its worker is being retired" | null;
  /** What broke it first. */
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
      pagesLeft: PAGES_OF_A_RUN,
      done: 0,
      failed: 0,
      keyCheck: createKeyCheck(),
      stop: null,
      unread: [],
      delay: null,
      claimsNothing: false,
      handover: null,
      broken: null,
    },
  };
}

/** Whether the run has to hand over now: its time or its worker's is over. Asked before everything that takes a while. */
export function hasToHandOver({ ports: { clock, deadline, retired }, progress }: Inspection): boolean {
  if (retired.aborted) progress.handover ??= "Its worker is being retired";
  else if (clock.now() >= deadline.claim) progress.handover ??= "Its time is over";
  return progress.handover !== null;
}

/**
 * What came of the run. What stops it or delays it comes first: a continuation would meet the same at once, so the next tick goes on.
 *
 * @throws what broke it.
 */
export function resultOf({ progress }: Inspection): JobResult {
  const { keyCheck, delay, unread, failed, broken, done } = progress;
  if (broken) throw broken.error;
  const stop = progress.stop ?? (isKeyDoubtful(keyCheck) ? "too_many_not_found" : null);
  if (stop) return { status: "failed", error: `Stripe stopped the run: ${stop}`, workLeft: false };
  const handover = progress.handover ?? (progress.pagesLeft <= 0 ? "Its share of pages is used up" : null);
  const why = [
    delay && `Orders went back undecided, because the database did not settle them in time: ${delay}`,
    unread.length > 0 && `Lists of Stripe could not be read, so orders wait: ${unread.slice(0, 5).join("; ")}`,
    failed > 0 && `${failed} orders could not be decided and will be tried again`,
    handover && `${handover}: a continuation goes on`,
  ].filter((it) => it);
  if (why.length === 0) return { status: "succeeded", error: null, workLeft: false };
  return { status: "partial", error: why.join(". "), workLeft: handover !== null && delay === null && done > 0 };
}
