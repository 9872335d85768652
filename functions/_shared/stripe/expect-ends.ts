import type { ExpectedCalls } from "../budget/expected-calls.ts";
import type { ClaimedOrder, ClaimedPayment } from "../orders.ts";
import type { StripeGateway } from "./gateway.ts";

const ENDPOINT: Record<ClaimedPayment["kind"], string> = {
  payment_intent: "payment_intents.cancel",
  checkout_session: "checkout.sessions.expire",
};

/** `over`: nothing more is ended of this order, whatever became of it. */
export type ExpectedEnds = { gateway: StripeGateway; over(order: ClaimedOrder): void };

/** The same gateway. One end is expected of every open payment of these orders, until it is asked for or its order is over. */
export function expectEnds(
  orders: readonly ClaimedOrder[],
  { gateway, expected }: { gateway: StripeGateway; expected: ExpectedCalls },
): ExpectedEnds {
  const awaited = new Map<string, string>();
  for (const { kind, state, stripeId } of orders.flatMap(({ payments }) => payments)) {
    // A shop may have recorded it twice, with its account and without.
    if (state !== "open" || awaited.has(stripeId)) continue;
    awaited.set(stripeId, ENDPOINT[kind]);
    expected.expect(ENDPOINT[kind], 1);
  }
  const noLonger = (id: string) => {
    const endpoint = awaited.get(id);
    if (endpoint !== undefined && awaited.delete(id)) expected.expect(endpoint, -1);
  };
  return {
    gateway: {
      ...gateway,
      cancelIntent(ref, options) {
        noLonger(ref.id);
        return gateway.cancelIntent(ref, options);
      },
      expireSession(ref, options) {
        noLonger(ref.id);
        return gateway.expireSession(ref, options);
      },
    },
    over: ({ payments }) => payments.forEach(({ stripeId }) => noLonger(stripeId)),
  };
}
