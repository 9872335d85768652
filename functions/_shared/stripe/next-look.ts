import type { StalePayment } from "../payments.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Waits in milliseconds: the first one, doubled with each look up to the longest. */
const WAITS = {
  // The clean-up runs once a week; looking twice in one day helps nobody.
  protected: { first: DAY, longest: DAY },
  order_open: { first: DAY, longest: 28 * DAY },
  // Its state may never change, and it is never dropped: after five months it costs two reads a year.
  puzzling: { first: 7 * DAY, longest: 182 * DAY },
  unclear: { first: HOUR, longest: 7 * DAY },
} as const;

export type NextLookOptions = {
  now: Date;
  /** Not before this. */
  until?: Date;
  payment?: Pick<StalePayment, "listed">;
};

/** When to look again at a payment that could not be decided for good. */
export function nextLook(why: keyof typeof WAITS, { now, until, payment }: NextLookOptions): Date {
  const { first, longest } = WAITS[why];
  const wait = Math.min(first * 2 ** Math.min(payment?.listed?.looks ?? 0, 30), longest);
  return new Date(Math.max(now.getTime() + wait, until?.getTime() ?? 0));
}
