import { concernsTheRun, reasonOf } from "../_shared/errors.ts";
import type { StalePaymentDecision } from "../_shared/payments.ts";
import {
  decideStalePayment,
  isClosed,
  type LeftAlone,
  type StaleFinding,
} from "../_shared/stripe/decide-stale-payment.ts";
import { type CancelableFinding, endPayment } from "../_shared/stripe/end-payment.ts";
import { type Finding, lookAt } from "../_shared/stripe/finding.ts";
import type { CleanupReason } from "../_shared/stripe/cleanup-reasons.ts";
import { askForSessions } from "./ask-for-sessions.ts";
import type { Cleanup } from "./cleanup.ts";
import { inFlight } from "./in-flight.ts";

/** Why a run ends before its work does. */
export type BatchEnd =
  | { kind: "stopped" | "list_failed"; why: CleanupReason }
  | { kind: "braked" | "out_of_time" | "limit_reached" };

type Endable = StaleFinding & { finding: CancelableFinding };

/**
 * Ends what may be ended of a batch of payments, and decides about each. The intention to end them is written down before the
 * first call; whatever is not ended after all goes on the revisit list, so that no batch is left half done.
 */
export async function workOnPayments(
  found: StaleFinding[],
  cleanup: Cleanup,
): Promise<{ decisions: StalePaymentDecision[]; end: BatchEnd | null }> {
  const { steps, progress, ports: { clock } } = cleanup;
  const looked = await askForSessions(found, cleanup);
  const endable = looked.filter(isEndable);
  const chosen = endable.slice(0, progress.endsLeft);
  const leftAlone = new Map<StaleFinding, LeftAlone>(endable.slice(chosen.length).map((it) => [it, "limit_reached"]));
  progress.endsLeft -= chosen.length;

  const ended = new Map<StaleFinding, Finding>();
  const mayEnd = steps.planEnds && (chosen.length === 0 || await steps.planEnds(chosen.map(({ payment }) => payment)));
  if (mayEnd) await inFlight(chosen, async (it) => void ended.set(it, await end(it, cleanup)));
  else for (const it of chosen) leftAlone.set(it, steps.planEnds ? "brake" : "would_end");

  const decisions = looked.flatMap((it) => {
    const finding = ended.get(it) ?? it.finding;
    if (finding.standing.kind === "unclear") progress.unclear += 1;
    return decideStalePayment({ ...it, finding }, { now: clock.now(), leftAlone: leftAlone.get(it) ?? null }) ?? [];
  });
  return {
    decisions,
    end: endOf([...ended.values()], { braked: mayEnd === false, limited: progress.endsLeft <= 0, decisions }),
  };
}

function isEndable(it: StaleFinding): it is Endable {
  return isCancelable(it.finding) && isClosed(it.payment);
}

function isCancelable(finding: Finding): finding is CancelableFinding {
  return finding.standing.kind === "cancelable";
}

/** A fault of this program holds up one payment, not the others. @throws what concerns the whole run. */
async function end({ payment, finding }: Endable, cleanup: Cleanup): Promise<Finding> {
  const look = cleanup.lookOf(payment);
  try {
    // Stripe would cancel what was authorised since the page was read: see endPayment.
    const latest = finding.capturesByHand ? await lookAt(finding.payment, look) : finding;
    return isCancelable(latest) ? await endPayment(latest, look) : latest;
  } catch (error) {
    if (concernsTheRun(error)) throw error;
    cleanup.ports.log.error("payment_broke", { stripe_id: payment.stripeId, error: reasonOf(error) });
    return { ...finding, standing: { kind: "unclear", why: "internal_error" } };
  }
}

function endOf(
  ended: Finding[],
  { braked, limited, decisions }: { braked: boolean; limited: boolean; decisions: StalePaymentDecision[] },
): BatchEnd | null {
  for (const { standing } of ended) {
    if (standing.kind === "stop") return { kind: "stopped", why: standing.why };
  }
  if (braked) return { kind: "braked" };
  if (decisions.some(({ reason }) => reason === "out_of_time")) return { kind: "out_of_time" };
  return limited ? { kind: "limit_reached" } : null;
}
