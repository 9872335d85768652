import type { ClaimedOrder } from "../orders.ts";

/** A stretch of Stripe's list that holds some of the intents a run wants to read, and which. Whole seconds; `to` is exclusive. */
export type IntentWindow = { account: string | null; from: Date; to: Date; stripeIds: string[] };

/** A window, and how many pages of it may be read. */
export type PagedWindow = IntentWindow & { pages: number };

/** Stripe's largest page. */
export const PAGE_SIZE = 100;
/** So many of them are planned: an account has intents the database does not know, and two clocks decide what lies at an edge. */
const PLANNED_FOR_A_PAGE = 90;
/** A window with so many is cut where the next second begins: each is counted, and pages are put together from whole ones. */
const IN_A_WINDOW = 20;
/** Intents further apart than this are looked for separately. */
const GAP_MS = 60_000;
/** A shop attaches an intent right after it created it; the two clocks are not the same. */
const CREATED_BEFORE_MS = 30_000;
const CREATED_AFTER_MS = 5_000;
/** Reading two intents one by one costs no more than finding them on a page. */
const WORTH_A_PAGE = 3;

type Payment = ClaimedOrder["payments"][number];

/**
 * The open intents of some orders, in windows for the database to count what lies between them. Those of one stretch adjoin,
 * newest first. Intents that lie alone are in none.
 */
export function windowsOf(orders: readonly ClaimedOrder[]): IntentWindow[] {
  const open = orders.flatMap(({ payments }) => payments)
    .filter(({ kind, state }) => kind === "payment_intent" && state === "open")
    .sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
  return [...Map.groupBy(open, ({ stripeAccount }) => stripeAccount).values()]
    .flatMap(stretchesOf)
    .filter(({ length }) => length >= WORTH_A_PAGE)
    .flatMap(windowsOfStretch);
}

function stretchesOf(newestFirst: Payment[]): Payment[][] {
  const stretches: Payment[][] = [];
  let later: Payment | undefined;
  for (const payment of newestFirst) {
    const near = later && later.createdAt.getTime() - payment.createdAt.getTime() <= GAP_MS;
    if (near) stretches.at(-1)!.push(payment);
    else stretches.push([payment]);
    later = payment;
  }
  return stretches;
}

/** Cut between two seconds only: a second of Stripe's list is all there, or not at all. */
function windowsOfStretch(stretch: Payment[]): IntentWindow[] {
  const windows: IntentWindow[] = [];
  for (const { stripeId, stripeAccount: account, createdAt } of stretch) {
    const second = secondOf(createdAt.getTime());
    const window = windows.at(-1);
    if (window && (window.stripeIds.length < IN_A_WINDOW || second >= window.from)) {
      window.stripeIds.push(stripeId);
      window.from = second;
    } else {
      const to = window?.from ?? secondOf(createdAt.getTime() + CREATED_AFTER_MS + 1_000);
      windows.push({ account, from: second, to, stripeIds: [stripeId] });
    }
  }
  const oldest = windows.at(-1)!;
  oldest.from = secondOf(oldest.from.getTime() - CREATED_BEFORE_MS);
  return windows;
}

/** The second's beginning, as Stripe dates an intent. */
function secondOf(ms: number): Date {
  return new Date(Math.floor(ms / 1_000) * 1_000);
}

/**
 * Puts adjoining windows together to pages, by how many intents the database knows in each. All pages are known before the first is
 * read, and so they are read at the same time. What is worth no page is left out: read it one by one.
 */
export function pagesOf(windows: readonly IntentWindow[], known: readonly number[]): PagedWindow[] {
  const merged: { window: IntentWindow; known: number }[] = [];
  for (const [n, window] of windows.entries()) {
    const newer = merged.at(-1);
    const sum = (newer?.known ?? 0) + known[n]!;
    if (newer && adjoin(newer.window, window) && sum <= PLANNED_FOR_A_PAGE) {
      const stripeIds = [...newer.window.stripeIds, ...window.stripeIds];
      merged[merged.length - 1] = { window: { ...newer.window, from: window.from, stripeIds }, known: sum };
    } else merged.push({ window, known: known[n]! });
  }
  return merged
    .map(({ window, known }) => ({ ...window, pages: pagesWorthReading(window, known) }))
    .filter(({ pages }) => pages > 0);
}

function adjoin(newer: IntentWindow, older: IntentWindow): boolean {
  return newer.account === older.account && newer.from.getTime() === older.to.getTime();
}

/**
 * How many pages may be read to find a window's intents, given how many intents the database knows in it; 0: read them one by
 * one. Pages are chosen only where they need at most half the calls. So what they can save is never less than what they can cost.
 */
export function pagesWorthReading({ stripeIds }: Pick<IntentWindow, "stripeIds">, known: number): number {
  const pages = Math.max(1, Math.ceil(known / PAGE_SIZE));
  return pages * 2 <= stripeIds.length ? pages : 0;
}

/** Pages that may be read in vain. One is not enough: a window begins with what customers made since its newest intent. */
const PAGES_AT_RISK = 2;

/**
 * Whether a window is read on, after so many pages that showed so many of the wanted intents. An account may be full of intents that
 * the database does not know, and the planned pages would show nothing but those. Each intent found saves a read, so pages are
 * read on while they are fewer than two ahead of what they found. A window of n intents thus takes n + 2 calls in the worst case,
 * and n + 1 where one page was planned, against n single reads; more only in a run that is held up until its pages are too old.
 */
export function isWorthAnotherPage(
  { pages, read, found }: { pages: number; read: number; found: number },
): boolean {
  return read < pages && read - found < PAGES_AT_RISK;
}
