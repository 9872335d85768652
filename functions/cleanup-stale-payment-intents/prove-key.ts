import type { StaleFinding } from "../_shared/stripe/decide-stale-payment.ts";
import type { CleanupReason } from "../_shared/stripe/cleanup-reasons.ts";
import type { Cleanup } from "./cleanup.ts";
import { findOwn } from "./look-at-page.ts";
import { readPage } from "./read-page.ts";
import type { BatchEnd } from "./work-on-payments.ts";

/**
 * Tells a shop whose test data was deleted or whose seller left from one that got another account's key: Stripe knows none of many
 * payments of either. Among the newest payments of its own account is one whose order the database has, and among those of
 * another account there is none. Null: the key is the shop's.
 */
export function proveKey(cleanup: Cleanup): Promise<BatchEnd | null> {
  return lookForOrders(cleanup, "too_many_not_found");
}

/**
 * The same before anything is decided about payments of orders that are not in the database: with the key of another shop all of its
 * payments look like that, and would be ended while its customers still want to pay. One known order is proof enough.
 */
export async function proveAccount(looked: StaleFinding[], cleanup: Cleanup): Promise<BatchEnd | null> {
  const absent = looked.some(({ payment: { orderId, order } }) => orderId !== null && order === null);
  return absent && cleanup.progress.evidence.known === 0 ? await lookForOrders(cleanup, "account_unproven") : null;
}

async function lookForOrders(cleanup: Cleanup, why: CleanupReason): Promise<BatchEnd | null> {
  const { steps, progress: { evidence }, ports: { clock } } = cleanup;
  const now = clock.now();
  const read = await readPage({ createdFrom: new Date(0), createdTo: now, cursor: null, reached: now }, cleanup);
  if ("kind" in read) return read;
  const own = findOwn(read.intents, cleanup).map(({ intent, orderId }) => ({ stripeId: intent.id, orderId }));
  const known = own.length > 0 ? await steps.inspect(own) : [];
  evidence.known += known.filter(({ order }) => order !== null).length;
  return evidence.known > 0 ? null : { kind: "stopped", why };
}
