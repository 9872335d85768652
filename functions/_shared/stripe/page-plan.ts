import type { ClaimedOrder } from "../orders.ts";

/** A stretch of Stripe's list that holds some of the intents a run wants to read, and which. */
export type IntentWindow = { account: string | null; from: Date; to: Date; stripeIds: string[] };

/** Stripe's largest page. */
export const PAGE_SIZE = 100;
/** Intents further apart than this are looked for separately. */
const GAP_MS = 60_000;
/** A shop attaches an intent right after it created it; the two clocks are not the same. */
const CREATED_BEFORE_MS = 30_000;
const CREATED_AFTER_MS = 5_000;
/** Reading two intents one by one costs no more than finding them on a page. */
const WORTH_A_PAGE = 3;

/** Groups the open intents of some orders into stretches in which they lie close together. Others are read one by one. */
export function windowsOf(orders: readonly ClaimedOrder[]): IntentWindow[] {
  const open = orders.flatMap(({ payments }) => payments)
    .filter(({ kind, state }) => kind === "payment_intent" && state === "open");
  const windows: IntentWindow[] = [];
  for (const account of new Set(open.map(({ stripeAccount }) => stripeAccount))) {
    const own = open.filter(({ stripeAccount }) => stripeAccount === account)
      .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime());
    let last = Number.NEGATIVE_INFINITY;
    let window: IntentWindow | null = null;
    for (const { stripeId, createdAt } of own) {
      const at = createdAt.getTime();
      if (window === null || at - last > GAP_MS) {
        window = { account, from: new Date(at - CREATED_BEFORE_MS), to: createdAt, stripeIds: [] };
        windows.push(window);
      }
      window.stripeIds.push(stripeId);
      window.to = new Date(at + CREATED_AFTER_MS);
      last = at;
    }
  }
  return windows.filter(({ stripeIds }) => stripeIds.length >= WORTH_A_PAGE);
}

/**
 * How many pages may be read to find a window's intents, given how many intents the database knows in it; 0: read them one by
 * one. Pages are chosen only where they need at most half the calls, so that a window that turns out fuller does not cost more.
 */
export function pagesWorthReading(window: IntentWindow, known: number): number {
  const pages = Math.max(1, Math.ceil(known / PAGE_SIZE));
  return pages * 2 <= window.stripeIds.length ? pages : 0;
}
