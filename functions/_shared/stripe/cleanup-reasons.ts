import type { Reason } from "./reasons.ts";

/** Reasons that only decisions of the clean-up carry, beside those of {@linkcode REASONS}; never renamed, never reused. */
export const CLEANUP_REASONS = {
  // A payment is dead.
  ended_earlier: "An earlier run set out to end the payment and could not write it down; Stripe says it worked.",

  // Money came in.
  order_expired: "The payment succeeded although its order is expired: refund it, or deliver by hand.",
  order_absent:
    "The payment succeeded and names an order that does not exist: refund it, or find out where the order went.",
  dead_record_contradicted:
    "The database has this payment as dead, Stripe says it succeeded, and its order is paid otherwise.",

  // Put off without a decision.
  order_open:
    "The shop never recorded this payment and its order is still open: looked at again once it may be closed.",
  limit_reached: "The run was asked to end no more payments than it did.",
  brake: "The brake stopped the run before it ended this payment.",

  // Why a whole run stopped.
  account_unproven:
    "None of the account's newest payments names an order of this database: one of the two most likely belongs to another shop.",
} as const satisfies Record<string, string>;

export type CleanupReason = Reason | keyof typeof CLEANUP_REASONS;
