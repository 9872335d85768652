import type { SweepPage, SweepSlice } from "../_shared/payments.ts";
import type { IntentPage } from "../_shared/stripe/gateway.ts";
import type { Cleanup } from "./cleanup.ts";
import { findOwn, judgeOwn } from "./look-at-page.ts";
import { lookAtUnread, unread } from "./look-at-unread.ts";
import { proveAccount } from "./prove-key.ts";
import { readPage } from "./read-page.ts";
import { type BatchEnd, workOnPayments } from "./work-on-payments.ts";

/** Walks Stripe's list from where the last run stopped to payments just old enough, page by page. Null: up to date. */
export async function sweep(cleanup: Cleanup): Promise<BatchEnd | null> {
  for (;;) {
    const slice = await cleanup.steps.nextSlice();
    if (!slice) return null;
    cleanup.ports.log.info("slice_begun", {
      created_from: slice.createdFrom.toISOString(),
      created_to: slice.createdTo.toISOString(),
      reached: slice.reached.toISOString(),
    });
    const end = await walk(slice, cleanup);
    if (end) return end;
  }
}

async function walk(slice: SweepSlice, cleanup: Cleanup): Promise<BatchEnd | null> {
  const { steps, progress, ports: { clock, deadline, log } } = cleanup;
  let { cursor, reached } = slice;
  for (;;) {
    if (clock.now() >= deadline.claim) return { kind: "out_of_time" };
    const read = await readPage({ ...slice, cursor, reached }, cleanup);
    if ("kind" in read) return read;
    const own = findOwn(read.intents, cleanup);
    const looked = [
      // What is on the revisit list is left to it.
      ...(await judgeOwn(own, cleanup)).filter(({ payment }) => payment.listed === null),
      ...await lookAtUnread(read.malformed.map(unread), cleanup),
    ];
    const unproven = await proveAccount(looked, cleanup);
    if (unproven) return unproven;
    const { decisions, end } = await workOnPayments(looked, cleanup);
    const page = pageOf(read, { after: cursor, reached, own: own.length });
    const outcomes = await steps.settle(decisions, page);
    log.info("page_settled", { seen: page.seen, own: page.own, reached: page.reached.toISOString(), outcomes });
    progress.pages += 1;
    if (end) return end;
    if (page.finished) return null;
    ({ cursor, reached } = page);
  }
}

function pageOf(
  { intents, malformed, hasMore, lastId }: IntentPage,
  { after, reached, own }: { after: string | null; reached: Date; own: number },
): Omit<SweepPage, "sweepId"> {
  const oldest = intents.at(-1);
  return {
    after,
    cursor: lastId ?? after,
    reached: oldest ? new Date(oldest.created * 1_000) : reached,
    seen: intents.length + malformed.length,
    own,
    finished: !hasMore,
  };
}
