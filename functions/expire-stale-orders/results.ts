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
