import type { StaleFinding } from "../_shared/stripe/decide-stale-payment.ts";
import { isKeyDoubtful, isUnknown, type KeyEvidence } from "../_shared/stripe/key-evidence.ts";

/** So many payments that Stripe does not know are looked at in one run, in the hope for one that it knows. */
const MOST_UNKNOWN = 500;

/** Adds what Stripe said about the payments of one batch. */
export function collectEvidence(evidence: KeyEvidence, looked: StaleFinding[]): void {
  for (const it of looked) {
    if (it.finding.evidence.status !== undefined) evidence.known += 1;
    else if (isUnknownToStripe(it)) evidence.unknown += 1;
  }
}

/** Whether nothing may be decided about it while the key is doubtful: with the shop's own key Stripe may know it. */
export function isUnknownToStripe({ finding: { standing } }: StaleFinding): boolean {
  return standing.kind === "quarantine" && isUnknown({ reason: standing.why });
}

/** Whether there is no use in looking further: most likely the key is another account's. */
export function isKeyHopeless(evidence: KeyEvidence): boolean {
  return isKeyDoubtful(evidence) && evidence.unknown >= MOST_UNKNOWN;
}
