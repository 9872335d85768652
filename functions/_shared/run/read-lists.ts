import type { ListCursor, ListedPayment, ListedWindow } from "../database/lists.ts";
import { isRefusal, isTimeout } from "../database/refusals.ts";
import { reasonOf } from "../errors.ts";
import type { Reason } from "../rules/reasons.ts";
import { type ListedObject, outcomeOf } from "../stripe/outcomes.ts";
import { hasToHandOver, type OrderRun } from "./order-run.ts";

const MINUTE = 60_000;
/** Stripe's list shows a payment a moment after it was created, so `readTo` stays this far behind Stripe's own clock. */
const SETTLED_AFTER = MINUTE;
/** Each window begins this long before the last one ended. */
const OVERLAP = 2 * MINUTE;
/** A window's length: the first one, and the least, below which it is read whole however many pages it has. */
const FIRST_SPAN = 60 * MINUTE;
const LEAST_SPAN = 2 * MINUTE;
/** The most that Stripe lists at once. */
const PAGE = 100;
/** A window with more pages is halved, and after one with fewer the next is twice as long. */
const MOST_PAGES = 30;
const FEW_PAGES = 3;
/** A page takes some 2 ms of CPU: after so many the run hands over. */
const PAGES_OF_A_RUN = 100;
const LISTS_AT_ONCE = 8;

/**
 * Reads Stripe's lists up to the present, so that no order is closed while a payment of it may exist that nobody attached. Stripe lists
 * newest first, so each list is read in bounded windows of time, the oldest first: all pages of one, then one transaction that records
 * its payments and moves the cursor. Killed at any line, the next run reads the same window again.
 *
 * A list that cannot be read makes the orders of its account wait, and no others.
 */
export async function readLists(run: OrderRun): Promise<void> {
  const { ports: { database }, lease, gateway, progress } = run;
  const cursors = (await database.listWindows(lease, gateway.livemode)).values();
  const budget = { pages: PAGES_OF_A_RUN };
  const lane = async () => {
    // One iterator for all lanes: each takes the next list that nobody has taken.
    for (const cursor of cursors) {
      try {
        await readList(cursor, budget, run);
      } catch (error) {
        progress.broken ??= { error };
      }
      if (progress.broken || progress.handover) return;
    }
  };
  await Promise.all(Array.from({ length: LISTS_AT_ONCE }, lane));
}

type Budget = { pages: number };

async function readList(cursor: ListCursor, budget: Budget, run: OrderRun): Promise<void> {
  const { ports: { database, clock, log }, lease, gateway } = run;
  let { readTo } = cursor;
  let span = FIRST_SPAN;
  while (readTo.getTime() < clock.now().getTime() - SETTLED_AFTER) {
    if (budget.pages <= 0) run.progress.handover ??= "Its share of orders is used up";
    if (hasToHandOver(run)) return;
    const window = {
      from: new Date(readTo.getTime() - OVERLAP),
      to: wholeSecond(Math.min(readTo.getTime() + span, clock.now().getTime())),
    };
    const read = await readWindow(cursor, window, {
      mostPages: span > LEAST_SPAN ? MOST_PAGES : Infinity,
      budget,
      run,
    });
    if (read === "too_many") {
      span = Math.max(LEAST_SPAN, span / 2);
      continue;
    }
    if (read === "out_of_time") return void (run.progress.handover ??= "Its time is over");
    if ("failed" in read) return await giveUp(cursor, read, run);
    // Stripe's clock is behind: nothing more is settled for now.
    if (read.to <= readTo) return;
    try {
      const recorded = await database.recordListed(lease, cursor, gateway.livemode, read);
      log.info("window_recorded", {
        ...nameOf(cursor),
        from: read.from.toISOString(),
        to: read.to.toISOString(),
        pages: read.pages,
        recorded: recorded.recorded,
      });
      run.progress.done += 1;
      // Another run set it back, or reads the same list.
      if (recorded.readTo <= readTo) return;
      readTo = recorded.readTo;
    } catch (error) {
      if (!isRefusal(error) && !isTimeout(error)) throw error;
      return await giveUp(cursor, { failed: reasonOf(error), stops: false }, run);
    }
    if (read.pages < FEW_PAGES) span *= 2;
  }
}

type ReadWindow = ListedWindow & { pages: number };
type Failed = { failed: string; stops: boolean };

/** Reads all pages of one window. Of each payment only what the database needs is kept, and nothing of those that name no order. */
async function readWindow(
  { account, list }: ListCursor,
  { from, to }: { from: Date; to: Date },
  { mostPages, budget, run: { gateway, task } }: { mostPages: number; budget: Budget; run: OrderRun },
): Promise<ReadWindow | Failed | "too_many" | "out_of_time"> {
  const readPage = list === "payment_intents" ? gateway.listIntents : gateway.listSessions;
  const payments: ListedPayment[] = [];
  let startingAfter: string | null = null;
  let settledTo: Date | null = null;
  for (let pages = 1; pages <= mostPages; pages++) {
    budget.pages -= 1;
    const reply = await readPage({ account, createdGte: from, createdLt: to, startingAfter, limit: PAGE });
    const outcome = outcomeOf(reply, "read");
    if (outcome.kind === "out_of_time") return "out_of_time";
    if (outcome.kind !== "object" || !reply.ok) return failureOf(outcome);
    // Read before the window's other pages: what is created while they are read may be missing from it.
    if (settledTo === null) {
      if (reply.date === null) return { failed: "bad_reply: no Date header", stops: false };
      settledTo = new Date(reply.date.getTime() - SETTLED_AFTER);
    }
    const page = outcome.object;
    for (const payment of page.payments) {
      const ref = payment.livemode === gateway.livemode ? refOf(payment, task.settings.metadataKey) : null;
      if (ref === null || payment.status === "canceled" || payment.status === "expired") continue;
      payments.push({ stripeId: payment.id, ref, createdAt: payment.createdAt, status: payment.status });
    }
    if (!page.hasMore || page.lastId === null) {
      return { from, to: new Date(Math.min(to.getTime(), settledTo.getTime())), payments, pages };
    }
    startingAfter = page.lastId;
  }
  return "too_many";
}

/** The order that a payment names; null: none. */
function refOf({ metadata, clientReferenceId }: ListedObject, metadataKey: string): string | null {
  return metadata[metadataKey] || clientReferenceId || null;
}

function failureOf(outcome: { kind: string; why?: string }): Failed {
  return { failed: outcome.why ?? outcome.kind, stops: outcome.kind === "stop" };
}

/** The account's orders wait. What Stripe refuses on the platform's own account, it refuses to the whole run. */
async function giveUp(cursor: ListCursor, { failed, stops }: Failed, run: OrderRun): Promise<void> {
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
