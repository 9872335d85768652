import type { StripeGateway } from "../_shared/stripe/gateway.ts";

/**
 * The same gateway with idempotency keys of its own. Both jobs number their attempts from one: under a common key, one would get
 * the answer that Stripe saved for the other, a day old and about another state of the payment.
 */
export function keyedGateway(gateway: StripeGateway, owner: string): StripeGateway {
  const keyed = ({ idempotencyKey }: { idempotencyKey: string }) => ({ idempotencyKey: `${idempotencyKey}:${owner}` });
  return {
    ...gateway,
    cancelIntent: (ref, key) => gateway.cancelIntent(ref, keyed(key)),
    expireSession: (ref, key) => gateway.expireSession(ref, keyed(key)),
  };
}
