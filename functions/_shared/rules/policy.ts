const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long to leave payments alone that must not be cancelled yet. All times are in milliseconds. */
export type Policy = {
  /** Extra time, once per order, for a customer found in 3-D Secure, a redirect or a wallet. */
  customerActionGrace: number;
  /** When to check a `processing` payment again. */
  processingRecheck: number;
  /** When to check an authorised but uncaptured payment again. */
  captureRecheck: number;
  /** How long a voucher stays protected after its own expiry. */
  voucherSettleGrace: number;
  /** When to check an expired, unsettled voucher again. */
  voucherRecheck: number;
  /** How long a slow method is protected after its creation. */
  slowMethodWindow: number;
  /** When to check again after a call was throttled. */
  throttledRecheck: number;
  /** How long to leave an object alone that Stripe has locked. */
  busyPause: number;
  /** `known`: payments that name an unknown order are never cancelled. */
  cleanupScope: "known" | "all";
  /** How to treat an order whose payment is disputed. */
  disputedPayments: "quarantine" | "paid";
};

export const DEFAULT_POLICY: Policy = {
  // Shops that cancelled after one minute cut customers off in the middle of 3-D Secure. Banks allow about ten minutes for a challenge,
  // and the customer had the whole deadline before, so five more minutes are enough. The grace is granted only once; otherwise a script
  // that reopens the challenge could hold stock forever.
  customerActionGrace: 5 * MINUTE,
  // Bank debits take days and crypto takes minutes. Normally a webhook ends the wait; the recheck covers a lost one.
  processingRecheck: HOUR,
  // A hold expires (7 days by default, 4 d 18 h at the shortest), so rare checks are enough.
  captureRecheck: 6 * HOUR,
  // A store may report a cash payment days after the customer made it (Multibanco: "several days"), and Stripe does not document what
  // happens to money paid into a cancelled voucher.
  voucherSettleGrace: 3 * DAY,
  // Stripe itself takes a lapsed voucher out of requires_action, often long before the grace ends. These checks release the stock days
  // earlier, at a cost of at most twelve reads.
  voucherRecheck: 6 * HOUR,
  // A wire or a microdeposit takes up to several bank days.
  slowMethodWindow: 7 * DAY,
  // The rate limiter has already slowed down. A call that is still throttled then must wait longer than this run lasts.
  throttledRecheck: MINUTE,
  // A lock on the intent most likely means that the customer is confirming at this moment.
  busyPause: 30_000,
  cleanupScope: "all",
  disputedPayments: "quarantine",
};

type InSettings =
  | "customerActionGrace"
  | "processingRecheck"
  | "captureRecheck"
  | "voucherSettleGrace"
  | "slowMethodWindow";
type PolicySettings =
  & Pick<Policy, "cleanupScope" | "disputedPayments">
  & { [K in InSettings as `${K}Seconds`]: number };

/** Derives the policy from the database's settings. */
export function policyOf(settings: PolicySettings): Policy {
  return {
    ...DEFAULT_POLICY,
    customerActionGrace: settings.customerActionGraceSeconds * 1_000,
    processingRecheck: settings.processingRecheckSeconds * 1_000,
    captureRecheck: settings.captureRecheckSeconds * 1_000,
    voucherSettleGrace: settings.voucherSettleGraceSeconds * 1_000,
    slowMethodWindow: settings.slowMethodWindowSeconds * 1_000,
    cleanupScope: settings.cleanupScope,
    disputedPayments: settings.disputedPayments,
  };
}

/** The moment `ms` milliseconds after `moment`. */
export function later(moment: Date, ms: number): Date {
  return new Date(moment.getTime() + ms);
}

/** How long to wait between checks of payments whose orders are not open. */
const WAITS = {
  // The bank or the customer decides, and no stock waits for it.
  protected: { shortest: DAY, longest: DAY },
  // An operator or a setting leaves it alone, and money may still arrive.
  left_alone: { shortest: DAY, longest: 28 * DAY },
  // Its state may never change, but it is still checked occasionally.
  quarantined: { shortest: 7 * DAY, longest: 28 * DAY },
} as const;

/** When to check an open payment again whose order is not open. Each wait is twice the previous one, within the bounds above. */
export function nextCheck(why: keyof typeof WAITS, { now, knownSince }: { now: Date; knownSince: Date }): Date {
  const { shortest, longest } = WAITS[why];
  const age = now.getTime() - knownSince.getTime();
  return later(now, Math.min(Math.max(age, shortest), longest));
}
