import type { ListCursor, ListedPayment, ListedWindow } from "../database/database.ts";
import { isRefusal, isTimeout, messageOf } from "../errors.ts";
import { namedRef } from "../rules/ownership.ts";
import type { Reason } from "../rules/reasons.ts";
import type { ListedPayment as ListedObject } from "../stripe/objects.ts";
import { mustHandOver, type OrderRun } from "./order-run.ts";

const MINUTE = 60_000;
/** Stripe's list shows a payment a moment after it was created, so `readTo` stays this far behind Stripe's own clock. */
const SETTLED_AFTER = MINUTE;
/**
 * If the database's clock is further ahead of Stripe's than this allows, `readTo` never gets near enough to the present to close an order
 * (`lapse.lists_needed_to`), so the list counts as failed.
 */
const MOST_BEHIND = 4 * MINUTE;
/** The last window ends this long after the database's present, because Stripe's clock may be ahead and decides what is settled. */
const MOST_AHEAD = 60 * MINUTE;
/** Each window begins this long before the previous one ended. */
const OVERLAP = 2 * MINUTE;
/** The length of the first window, and the shortest length. A window of the shortest length is read whole, however many pages it has. */
const FIRST_SPAN = 60 * MINUTE;
const SHORTEST_SPAN = 2 * MINUTE;
/** A window with more pages than this is halved. After one with fewer than `FEW_PAGES` the next is twice as long. */
const MAX_PAGES = 30;
const FEW_PAGES = 3;
const LISTS_AT_ONCE = 8;

/**
 * Reads Stripe's lists up to the present, so that no order is closed while an unattached payment of it may exist. Stripe lists the newest
 * payments first. Each list is therefore read in bounded windows of time, oldest first: all pages of one window, then one transaction
 * that records its payments and moves the cursor. If the run is killed at any line, the next one reads the same window again.
 *
 * A list that cannot be read makes the orders of its own account wait, and no others. Reading takes half of the run's time at most, so that a
 * run with very many lists always closes orders of the accounts that it has read.
 */
export async function readLists(run: OrderRun): Promise<void> {
  const { ports: { database, log, clock, deadline }, lease, gateway, progress } = run;
  const until = new Date((clock.now().getTime() + deadline.claim.getTime()) / 2);
  const cursors = await database.listCursors(lease, gateway.livemode);
  progress.keyCheck.isProven ||= cursors.some(({ proven }) => proven);
  const queue = cursors.values();
  const work = async () => {
    // All workers share one iterator: each takes the next list that no other has taken.
    for (const cursor of queue) {
      try {
        const done = { windows: 0, recorded: 0 };
        await readList(cursor, run, until, done);
        if (done.windows > 0) log.info("list_read", { ...nameOf(cursor), ...done });
      } catch (error) {
        progress.broken ??= { error };
      }
      if (progress.broken || progress.handover) return;
    }
  };
  await Promise.all(Array.from({ length: LISTS_AT_ONCE }, work));
}

/** Reads one list window by window, beginning none after `until`, and adds what it recorded to `done`. */
async function readList(
  cursor: ListCursor,
  run: OrderRun,
  until: Date,
  done: { windows: number; recorded: number },
): Promise<void> {
  const { ports: { database, clock }, lease, gateway, progress } = run;
  let { readTo } = cursor;
  let span = FIRST_SPAN;
  for (let now = clock.now(); readTo.getTime() < now.getTime() - SETTLED_AFTER; now = clock.now()) {
    if (now >= until) progress.pagesLeft = 0;
    if (progress.pagesLeft <= 0 || mustHandOver(run)) return;
    const unread = now.getTime() - readTo.getTime();
    const isLast = span >= unread;
    const window = {
      from: new Date(readTo.getTime() - OVERLAP),
      to: wholeSecond(readTo.getTime() + (isLast ? unread + MOST_AHEAD : span)),
    };
    const read = await readWindow(cursor, window, span > SHORTEST_SPAN ? MAX_PAGES : Infinity, run);
    if (read === "too_many") {
      span = Math.max(SHORTEST_SPAN, Math.min(span, unread) / 2);
      continue;
    }
    if (read === "out_of_time") return void (progress.handover ??= "It ran out of time");
    if ("failed" in read) return await recordFailure(cursor, read, run);
    // By Stripe's own clock, the list is read up to the present.
    if (read.to <= readTo) return;
    try {
      const recorded = await database.recordListed(lease, cursor, gateway.livemode, read);
      done.windows += 1;
      done.recorded += recorded.recorded;
      progress.done += 1;
      progress.keyCheck.isProven ||= recorded.proven;
      // Another run moved the cursor back, or reads the same list.
      if (recorded.readTo <= readTo) return;
      // Read up to the present. Continuing would never end while answers are slow, because each one moves the present.
      if (isLast) return;
      readTo = recorded.readTo;
    } catch (error) {
      if (!isRefusal(error) && !isTimeout(error)) throw error;
      return await recordFailure(cursor, { failed: messageOf(error), stops: false }, run);
    }
    if (read.pages < FEW_PAGES) span *= 2;
  }
}

type ReadWindow = ListedWindow & { pages: number };
type Failed = { failed: string; stops: boolean };

/** Reads all pages of one window. It keeps only what the database needs, and nothing of payments that name no order. */
async function readWindow(
  { account, list }: ListCursor,
  { from, to }: { from: Date; to: Date },
  maxPages: number,
  { ports: { clock }, gateway, task, progress }: OrderRun,
): Promise<ReadWindow | Failed | "too_many" | "out_of_time"> {
  const readPage = list === "payment_intents" ? gateway.listIntents : gateway.listSessions;
  const payments: ListedPayment[] = [];
  let startingAfter: string | null = null;
  let settledTo: Date | null = null;
  const askedAt = clock.now();
  for (let pages = 1; pages <= maxPages; pages++) {
    progress.pagesLeft -= 1;
    const outcome = await readPage({ account, from, to, startingAfter });
    if (outcome.kind === "unsent") return "out_of_time";
    if (outcome.kind !== "object") return failureOf(outcome);
    const page = outcome.object;
    if (page.answeredAt === null) return { failed: "bad_reply: no Date header", stops: false };
    // The first page decides: payments created while the others are read may be missing from them.
    settledTo ??= new Date(page.answeredAt.getTime() - SETTLED_AFTER);
    if (askedAt.getTime() - settledTo.getTime() > MOST_BEHIND) {
      return { failed: "clock_differs: the database's clock is minutes ahead of Stripe's", stops: false };
    }
    // A payment that cannot be read may name an order.
    if (page.unreadable.length > 0) return { failed: `bad_reply: cannot read ${page.unreadable[0]}`, stops: false };
    payments.push(
      ...page.payments.flatMap((payment) => listedOf(payment, task.settings.metadataKey, gateway.livemode)),
    );
    if (page.hasMore && (page.lastId === null || page.lastId === startingAfter)) {
      return { failed: "bad_reply: a page without an id to continue from", stops: false };
    }
    if (!page.hasMore) {
      return { from, to: new Date(Math.min(to.getTime(), settledTo.getTime())), payments, pages };
    }
    startingAfter = page.lastId;
  }
  return "too_many";
}

/** The payment as the database records it; nothing if it names no order, is over, or belongs to the other mode. */
function listedOf(payment: ListedObject, metadataKey: string, livemode: boolean): ListedPayment[] {
  const { id, status, created } = payment;
  const ref = namedRef(payment, metadataKey);
  if (!ref || payment.livemode !== livemode || status === "canceled" || status === "expired") return [];
  return [{ stripeId: id, ref, createdAt: new Date(created * 1_000), status: status ?? "unknown" }];
}

function failureOf(outcome: { kind: string; why?: string }): Failed {
  return { failed: outcome.why ?? outcome.kind, stops: outcome.kind === "stop" };
}

/** Makes the account's orders wait. A refusal that concerns the platform's own account stops the whole run. */
async function recordFailure(cursor: ListCursor, { failed, stops }: Failed, run: OrderRun): Promise<void> {
  const { ports: { database, log }, lease, gateway, progress } = run;
  log.error("list_unread", { ...nameOf(cursor), error: failed });
  if (stops && cursor.account === "") progress.stop ??= failed as Reason;
  progress.unread.push(`${cursor.list}${cursor.account && ` of ${cursor.account}`}: ${failed}`);
  await database.listFailed(lease, cursor, gateway.livemode, failed);
}

function nameOf({ account, list }: ListCursor): { account: string; list: string } {
  return { account: account || "platform", list };
}

/** Stripe compares whole seconds. */
function wholeSecond(ms: number): Date {
  return new Date(Math.floor(ms / 1_000) * 1_000);
}
