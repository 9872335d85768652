import type { JobResult } from "../_shared/run/job.ts";
import type { Reason } from "../_shared/stripe/reasons.ts";

/** No call of the run can succeed; what was not decided was handed back. */
export function stopped(stop: Reason): JobResult {
  return { status: "failed", error: `Stripe stopped the run: ${stop}`, workLeft: false };
}

/** A continuation goes on. */
export function outOfTime(): JobResult {
  return { status: "partial", error: "Time ran out before the work did", workLeft: true };
}

/** Nothing is wrong with the orders that went back: the next tick goes on. A continuation would meet the same at once. */
export function delayed(why: string): JobResult {
  return {
    status: "partial",
    error: `Orders went back undecided as the database did not settle them in time: ${why}`,
    workLeft: false,
  };
}
