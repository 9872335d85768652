const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long a payment that must not be cancelled yet is left alone. All times in milliseconds. */
export type Policy = {
  /** Extra time, once per order, for a customer found in 3-D Secure, a redirect or a wallet. */
  customerActionGrace: number;
  /** When to look at a `processing` payment again. */
  processingRecheck: number;
  /** When to look at an authorised, not yet captured payment again. */
  captureRecheck: number;
  /** How long after its own expiry a voucher stays protected. */
  voucherSettleGrace: number;
  /** When to look at a voucher again that expired and is not settled. */
  voucherRecheck: number;
  /** How long after its creation a slow method is protected. */
  slowMethodWindow: number;
  /** When to look again after Stripe's rate limit turned a call away. */
  throttledRecheck: number;
  /** How long an object that Stripe holds a lock on is left alone. */
  busyPause: number;
  /** `known`: payments that name an order nobody knows are never cancelled. */
  cleanupScope: "known" | "all";
};

export const DEFAULT_POLICY: Policy = {
  // Shops that cancelled after one minute cut customers off in the middle of 3-D Secure. Banks give a challenge up to about ten
  // minutes, and the customer has had the order's whole deadline before: five more, and only once, or a script that reopens the
  // challenge could hold stock for ever.
  customerActionGrace: 5 * MINUTE,
  // Bank debits take days and crypto takes minutes; the webhook normally ends the wait, the recheck covers a lost one.
  processingRecheck: HOUR,
  // A hold lapses by itself (7 days by default, 4 d 18 h for the shortest), so a slow look is enough to notice.
  captureRecheck: 6 * HOUR,
  // A shop may report a cash payment days after the customer made it: Multibanco confirmations lag "several days", and what
  // happens to money paid into a cancelled voucher is documented nowhere.
  voucherSettleGrace: 3 * DAY,
  // Stripe itself takes a lapsed voucher out of requires_action, often long before the grace ends: looking now and then gives the
  // stock back days earlier, for at most twelve reads.
  voucherRecheck: 6 * HOUR,
  // A wire or a microdeposit takes up to several bank days.
  slowMethodWindow: 7 * DAY,
  // The rate limiter has already slowed down; a limit that still bites lasts longer than one run's patience.
  throttledRecheck: MINUTE,
  // A lock on the intent most likely means that the customer is confirming at this moment.
  busyPause: 30_000,
  cleanupScope: "all",
};

/** The settings that shape the policy, as the database hands them out. */
export type PolicySettings = {
  customerActionGraceSeconds: number;
  processingRecheckSeconds: number;
  captureRecheckSeconds: number;
  voucherSettleGraceSeconds: number;
  slowMethodWindowSeconds: number;
  cleanupScope: Policy["cleanupScope"];
};

export function policyOf(settings: PolicySettings): Policy {
  return {
    ...DEFAULT_POLICY,
    customerActionGrace: settings.customerActionGraceSeconds * 1_000,
    processingRecheck: settings.processingRecheckSeconds * 1_000,
    captureRecheck: settings.captureRecheckSeconds * 1_000,
    voucherSettleGrace: settings.voucherSettleGraceSeconds * 1_000,
    slowMethodWindow: settings.slowMethodWindowSeconds * 1_000,
    cleanupScope: settings.cleanupScope,
  };
}

/** The moment `ms` milliseconds after `moment`. */
export function later(moment: Date, ms: number): Date {
  return new Date(moment.getTime() + ms);
}

/** Waits for payments of orders that are not open, in milliseconds: as long as they were known before, within these bounds. */
const LOOKS = {
  // Its bank or its customer decides; no stock waits for it.
  protected: { shortest: DAY, longest: DAY },
  // An operator or a setting leaves it alone, and money may still arrive.
  left_alone: { shortest: DAY, longest: 28 * DAY },
  // Its state may never change, and it is never dropped.
  puzzling: { shortest: 7 * DAY, longest: 28 * DAY },
} as const;

/** When to look again at an open payment of an order that is not open itself: each wait is twice the one before. */
export function nextLook(why: keyof typeof LOOKS, { now, knownSince }: { now: Date; knownSince: Date }): Date {
  const { shortest, longest } = LOOKS[why];
  const age = now.getTime() - knownSince.getTime();
  return later(now, Math.min(Math.max(age, shortest), longest));
}
