import type { StaleFinding } from "../_shared/stripe/decide-stale-payment.ts";
import { findingOf, verdictContext } from "../_shared/stripe/finding.ts";
import type { StripeIntent } from "../_shared/stripe/objects.ts";
import { judgeIntent } from "../_shared/stripe/verdict.ts";
import { asClaimed } from "./as-claimed.ts";
import type { Cleanup } from "./cleanup.ts";
import { guarded } from "./guarded.ts";

/** An intent with the shop's own mark. */
export type OwnIntent = { intent: StripeIntent; orderId: string };

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The intents that carry the shop's mark, in the key's own mode. Nothing is ever done to the others. */
export function findOwn(intents: StripeIntent[], { ports: { gateway } }: Cleanup): OwnIntent[] {
  return intents.flatMap((intent) => {
    const orderId = intent.metadata.order_id;
    return orderId && UUID.test(orderId) && intent.livemode === gateway.livemode ? { intent, orderId } : [];
  });
}

/** Judges own intents as they were read, by list or one by one. Those that are over and recorded so are passed over. */
export async function judgeOwn(own: OwnIntent[], cleanup: Cleanup): Promise<StaleFinding[]> {
  if (own.length === 0) return [];
  const intents = new Map(own.map(({ intent }) => [intent.id, intent]));
  const unsettled = await cleanup.steps.inspect(
    own.map(({ intent: { id, status }, orderId }) => ({ stripeId: id, orderId, status })),
  );
  // Stripe lists payments of orders that are here: the key is the shop's, and so is the database.
  cleanup.progress.evidence.known += own.length - unsettled.filter(({ order }) => order === null).length;
  return await Promise.all(unsettled.map((payment) =>
    guarded(payment, cleanup, () => {
      const intent = intents.get(payment.stripeId)!;
      const claimed = asClaimed(payment);
      const standing = judgeIntent(intent, verdictContext(claimed, cleanup.lookOf(payment)));
      return findingOf(claimed, { reply: { ok: true, object: intent, requestId: null }, standing });
    })
  ));
}
