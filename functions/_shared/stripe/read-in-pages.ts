import type { ClaimedOrder } from "../orders.ts";
import type { StripeGateway } from "./gateway.ts";
import type { StripeIntent } from "./objects.ts";
import { type IntentWindow, PAGE_SIZE, pagesWorthReading, windowsOf } from "./page-plan.ts";

export type ReadInPagesOptions = {
  gateway: StripeGateway;
  /** How many intents the database knows in each window. */
  countIntents: (windows: IntentWindow[]) => Promise<number[]>;
};

/**
 * The same gateway, with the intents of these orders read ahead from Stripe's list where they were created close together:
 * one page of a hundred instead of a hundred reads. Each is served once; a second look, after a cancel, asks Stripe.
 *
 * What is not found on the pages, cannot be read, or lies alone is read one by one, as ever. The pages are no older than the
 * batch they are for: between a read and its cancel Stripe decides, whichever way the read was made.
 */
export async function readInPages(
  orders: readonly ClaimedOrder[],
  { gateway, countIntents }: ReadInPagesOptions,
): Promise<StripeGateway> {
  const windows = windowsOf(orders);
  if (windows.length === 0) return gateway;
  const known = await countIntents(windows);
  const ahead = new Map<string, { object: StripeIntent; requestId: string | null }>();
  await Promise.all(
    windows.map((window, n) => readWindow(window, pagesWorthReading(window, known[n] ?? 0), gateway, ahead)),
  );

  return {
    ...gateway,
    readIntent(ref) {
      const read = ahead.get(ref.id);
      ahead.delete(ref.id);
      return read ? Promise.resolve({ ok: true, ...read }) : gateway.readIntent(ref);
    },
  };
}

async function readWindow(
  { account, from, to, stripeIds }: IntentWindow,
  pages: number,
  gateway: StripeGateway,
  ahead: Map<string, { object: StripeIntent; requestId: string | null }>,
): Promise<void> {
  const missing = new Set(stripeIds);
  let startingAfter: string | null = null;
  for (let page = 0; page < pages && missing.size > 0; page++) {
    const reply = await gateway.listIntents({
      createdGte: from,
      // Exclusive, in whole seconds: the second of the last intent belongs to the window.
      createdLt: new Date(to.getTime() + 1_000),
      startingAfter,
      limit: PAGE_SIZE,
      account,
    });
    // Whatever is wrong will show, and be judged, when the intents are read one by one.
    if (!reply.ok) return;
    for (const intent of reply.object.intents) {
      if (missing.delete(intent.id)) ahead.set(intent.id, { object: intent, requestId: reply.requestId });
    }
    startingAfter = reply.object.lastId;
    if (!reply.object.hasMore || startingAfter === null) return;
  }
}
