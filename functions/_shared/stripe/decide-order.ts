import type { ClaimedOrder, OrderDecision } from "../orders.ts";
import type { CancelableFinding } from "./end-payment.ts";
import type { Finding, Standing } from "./finding.ts";
import type { Reason } from "./reasons.ts";
import { eachMoneyOnce } from "./same-money.ts";

/** What follows for the order as a whole, and the payments to end on the way there; `end` is empty when all is done. */
export type OrderStep = Pick<OrderDecision, "outcome" | "reason" | "nextCheckAt"> & { end: CancelableFinding[] };

/**
 * Decides about an order from its payments. The first row that fits counts, whatever else there is:
 *
 * | payments | outcome | ends |
 * | --- | --- | --- |
 * | none at all | expired, `no_payment` | – |
 * | paid ones that cover the order | paid (`paid_twice` when several exceed it) | the cancelable ones, as far as it works |
 * | one in quarantine | quarantined | nothing |
 * | one unclear | retry | nothing |
 * | a paid one that does not cover the order | quarantined, `amount_mismatch` | nothing |
 * | one waits | waiting, until the earliest | nothing: the order stays open in this run, and the customer may still use the other payment |
 * | at least one cancelable | expired, once all of them are dead | every cancelable one |
 * | all dead | expired | – |
 *
 * An intent beside its own Checkout Session is the same money, and counts once.
 * Unclear stands before the mismatch, because the unreadable payment may be the other half of the money.
 * After each end the table is read again with what came of it, so a payment that turned out paid, waiting or unclear
 * while the others were being ended moves the order to that row and stops the ending.
 */
export function decideOrder(order: ClaimedOrder, findings: readonly Finding[]): OrderStep {
  if (order.payments.length === 0) return settled("expired", "no_payment");

  const paid = eachMoneyOnce(ofKind(findings, "paid"));
  const cancelable = findings.filter(isCancelable);
  const covered = coverage(order, paid.map(({ standing }) => standing));
  if (covered !== "short") {
    return { ...settled("paid", covered === "exceeded" ? "paid_twice" : "paid"), end: cancelable };
  }
  const quarantined = ofKind(findings, "quarantine");
  if (quarantined.length > 0) return settled("quarantined", firstOf(quarantined));
  const unclear = ofKind(findings, "unclear");
  if (unclear.length > 0) return { ...settled("retry", firstOf(unclear)), nextCheckAt: latestOf(unclear) };
  if (paid.length > 0) return settled("quarantined", "amount_mismatch");
  const waiting = ofKind(findings, "wait").toSorted((a, b) => a.standing.until.getTime() - b.standing.until.getTime());
  const next = waiting[0]?.standing.until;
  if (next) {
    const earliest = waiting.filter(({ standing }) => standing.until.getTime() === next.getTime());
    return { ...settled("waiting", firstOf(earliest)), nextCheckAt: next };
  }
  return { ...settled("expired", "all_dead"), end: cancelable };
}

/** Minor units of the order's currency; money in another currency covers nothing, and is never the order's own. */
function coverage(order: ClaimedOrder, paid: Extract<Standing, { kind: "paid" }>[]): "short" | "exact" | "exceeded" {
  if (paid.length === 0) return "short";
  const own = paid.filter(({ currency }) => currency === order.currency);
  const received = own.reduce((sum, { amountReceived }) => sum + amountReceived, 0);
  if (own.length === 0 || received < order.amount) return "short";
  // A single payment above the amount is a tip or a fee, not a second payment.
  const isTwice = paid.length > 1 && (received > order.amount || own.length < paid.length);
  return isTwice ? "exceeded" : "exact";
}

function isCancelable(finding: Finding): finding is CancelableFinding {
  return finding.standing.kind === "cancelable";
}

type OfKind<K extends Standing["kind"]> = Finding & { standing: Extract<Standing, { kind: K }> };

function ofKind<K extends Standing["kind"]>(findings: readonly Finding[], kind: K): OfKind<K>[] {
  return findings.filter((finding): finding is OfKind<K> => finding.standing.kind === kind);
}

/** One reason for the order out of several: by name, so that the order of the payments does not matter. */
function firstOf(findings: readonly OfKind<"quarantine" | "unclear" | "wait">[]): Reason {
  return findings.map(({ standing }) => standing.why).reduce((first, why) => why < first ? why : first);
}

function latestOf(findings: readonly OfKind<"unclear">[]): Date | null {
  const moments = findings.flatMap(({ standing }) => standing.notBefore?.getTime() ?? []);
  return moments.length > 0 ? new Date(Math.max(...moments)) : null;
}

function settled(outcome: OrderDecision["outcome"], reason: Reason): OrderStep {
  return { outcome, reason, nextCheckAt: null, end: [] };
}
