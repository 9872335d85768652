import type { ClaimedOrder } from "../orders.ts";
import { capturesByHand } from "./captures-by-hand.ts";
import type { StripeGateway } from "./gateway.ts";
import type { StripeIntent } from "./objects.ts";
import { type IntentWindow, isWorthAnotherPage, PAGE_SIZE, type PagedWindow, pagesOf, windowsOf } from "./page-plan.ts";

export type ReadInPagesOptions = {
  gateway: StripeGateway;
  /** How many intents the database knows in each window. */
  countIntents: (windows: IntentWindow[]) => Promise<number[]>;
  clock: () => Date;
};

/**
 * Milliseconds after which a page is too old to serve. A batch of a hundred orders lasts ten seconds at the 12 calls a second of test
 * mode, so only one that was held up reads its last intents one by one. What follows is the cancel's wait for its slot.
 */
const MAX_AGE = 15_000;

/** An intent as a page showed it. `askedAt`: it is no older than that. */
type ReadAhead = { object: StripeIntent; requestId: string | null; askedAt: Date };

/**
 * The same gateway, with the intents of these orders read ahead from Stripe's list where they were created close together:
 * one page of a hundred instead of a hundred reads. Each is served once; a second look, after a cancel, asks Stripe.
 *
 * What is not found on the pages, cannot be read, or lies alone is read one by one, as ever. After a failure no further page is
 * begun; those under way end first, so that nothing goes on behind the back of a run that is over.
 *
 * A page is older than a read of its own would be, and Stripe does not make up for that: it refuses to cancel what succeeded or
 * is processing, but cancels an intent that was authorised for a capture by hand since, and one whose customer got into 3-D
 * Secure. So an intent with a capture by hand is never served from a page, and no page is served for long.
 *
 * @throws the first failure that is no reply of Stripe's, as when the call budget could not be asked.
 */
export async function readInPages(
  orders: readonly ClaimedOrder[],
  { gateway, countIntents, clock }: ReadInPagesOptions,
): Promise<StripeGateway> {
  const windows = windowsOf(orders);
  if (windows.length === 0) return gateway;
  const pages = pagesOf(windows, await countIntents(windows));
  const reading: Reading = {
    gateway,
    clock,
    missing: new Set(pages.flatMap(({ stripeIds }) => stripeIds)),
    ahead: new Map(),
    failures: [],
  };
  // All at once: they are seen at the same time, and their slots of the call budget are reserved together.
  await Promise.all(
    pages.map((window) => readWindow(window, reading).catch((error) => void reading.failures.push(error))),
  );
  const { ahead, failures } = reading;
  if (failures.length > 0) throw failures[0];

  return {
    ...gateway,
    readIntent(ref) {
      const read = ahead.get(ref.id);
      ahead.delete(ref.id);
      if (!read || clock().getTime() - read.askedAt.getTime() > MAX_AGE) return gateway.readIntent(ref);
      return Promise.resolve({ ok: true, object: read.object, requestId: read.requestId });
    },
  };
}

type Reading = Pick<ReadInPagesOptions, "gateway" | "clock"> & {
  /** Wanted intents that no page has shown yet. One that was attached late may lie in another window than its own. */
  missing: Set<string>;
  ahead: Map<string, ReadAhead>;
  /** What was thrown while windows were read. */
  failures: unknown[];
};

async function readWindow(
  { account, from, to, stripeIds, pages }: PagedWindow,
  { gateway, clock, missing, ahead, failures }: Reading,
): Promise<void> {
  let startingAfter: string | null = null;
  let found = 0;
  const goesOn = () => failures.length === 0 && stripeIds.some((id) => missing.has(id));
  for (let read = 0; isWorthAnotherPage({ pages, read, found }) && goesOn(); read++) {
    const askedAt = clock();
    const reply = await gateway.listIntents({
      createdGte: from,
      createdLt: to,
      startingAfter,
      limit: PAGE_SIZE,
      account,
    });
    // Whatever is wrong will show, and be judged, when the intents are read one by one.
    if (!reply.ok) return;
    for (const intent of reply.object.intents) {
      if (!missing.delete(intent.id) || capturesByHand(intent)) continue;
      ahead.set(intent.id, { object: intent, requestId: reply.requestId, askedAt });
      found += 1;
    }
    startingAfter = reply.object.lastId;
    if (!reply.object.hasMore || startingAfter === null) return;
  }
}
