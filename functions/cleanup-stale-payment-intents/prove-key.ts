import type { Cleanup } from "./cleanup.ts";
import { findOwn } from "./look-at-page.ts";
import { readPage } from "./read-page.ts";
import type { BatchEnd } from "./work-on-payments.ts";

/**
 * Tells a shop whose test data was deleted or whose seller left from one that got another account's key: Stripe knows none of many
 * payments of either. Among the newest payments of its own account is one that the database has recorded, and among those of
 * another account there is none. Null: the key is the shop's.
 */
export async function proveKey(cleanup: Cleanup): Promise<BatchEnd | null> {
  const { steps, progress: { evidence }, ports: { clock } } = cleanup;
  const now = clock.now();
  const read = await readPage({ createdFrom: new Date(0), createdTo: now, cursor: null, reached: now }, cleanup);
  if ("kind" in read) return read;
  const own = findOwn(read.intents, cleanup).map(({ intent, orderId }) => ({ stripeId: intent.id, orderId }));
  const known = own.length > 0 ? await steps.inspect(own) : [];
  evidence.known += known.filter(({ recordedState }) => recordedState !== null).length;
  return evidence.known > 0 ? null : { kind: "stopped", why: "too_many_not_found" };
}
