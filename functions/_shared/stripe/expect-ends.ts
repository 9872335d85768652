import type { ExpectedCalls } from "../budget/expected-calls.ts";
import type { ClaimedOrder, ClaimedPayment } from "../orders.ts";
import type { StripeGateway } from "./gateway.ts";

const ENDPOINT: Record<ClaimedPayment["kind"], string> = {
  payment_intent: "payment_intents.cancel",
  checkout_session: "checkout.sessions.expire",
};

/** An intent of another status is ended by nobody. */
const ENDABLE = ["requires_payment_method", "requires_confirmation", "requires_action"];

/** `over`: no more ends are expected, whatever became of the orders. */
export type ExpectedEnds = { gateway: StripeGateway; over(): void };

/**
 * The same gateway. One end is expected of every open payment of these orders, until it is asked for or Stripe shows that there is
 * nothing to end.
 */
export function expectEnds(
  orders: readonly ClaimedOrder[],
  { gateway, expected }: { gateway: StripeGateway; expected: ExpectedCalls },
): ExpectedEnds {
  const awaited = new Map<string, string>();
  for (const { kind, state, stripeId } of orders.flatMap(({ payments }) => payments)) {
    if (state !== "open") continue;
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
      async readIntent(ref) {
        const reply = await gateway.readIntent(ref);
        if (!reply.ok || !ENDABLE.includes(reply.object.status)) noLonger(ref.id);
        return reply;
      },
      async readSession(ref) {
        const reply = await gateway.readSession(ref);
        if (!reply.ok || reply.object.status !== "open") noLonger(ref.id);
        return reply;
      },
      cancelIntent(ref, options) {
        noLonger(ref.id);
        return gateway.cancelIntent(ref, options);
      },
      expireSession(ref, options) {
        noLonger(ref.id);
        return gateway.expireSession(ref, options);
      },
    },
    over: () => [...awaited.keys()].forEach(noLonger),
  };
}
