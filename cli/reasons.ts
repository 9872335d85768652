import { CLEANUP_REASONS } from "../functions/_shared/stripe/cleanup-reasons.ts";
import { REASONS } from "../functions/_shared/stripe/reasons.ts";

/** Reasons that the database itself gives. */
const DATABASE_REASONS: Record<string, string> = {
  reported_by_shop: "The shop's checkout or webhook said that the payment succeeded.",
  attempts_exhausted: "The last failed attempt: set aside for a person.",
  claim_lapsed: "Run after run died while it worked on this order: set aside for a person.",
  declared_dead: "Stripe lets nobody end the payment, and an operator answered for it.",
  payment_not_dead: "The run wanted to close the order while a payment of it was not recorded dead.",
};

/** What a reason code means, in one sentence; null for what is no code, such as an operator's own words. */
export function explain(reason: string | null): string | null {
  const known: Record<string, string> = { ...DATABASE_REASONS, ...CLEANUP_REASONS, ...REASONS };
  return reason === null ? null : known[reason] ?? null;
}
