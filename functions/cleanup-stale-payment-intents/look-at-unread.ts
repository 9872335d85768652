import type { StalePayment } from "../_shared/payments.ts";
import type { StaleFinding } from "../_shared/stripe/decide-stale-payment.ts";
import { findingOf, standingOf, verdictContext } from "../_shared/stripe/finding.ts";
import type { StripeIntent } from "../_shared/stripe/objects.ts";
import { outcomeOf } from "../_shared/stripe/outcome.ts";
import { judgeIntent } from "../_shared/stripe/verdict.ts";
import { asClaimed } from "./as-claimed.ts";
import type { Cleanup } from "./cleanup.ts";
import { guarded } from "./guarded.ts";
import { inFlight } from "./in-flight.ts";
import { findOwn, judgeOwn, type OwnIntent } from "./look-at-page.ts";

/** An intent of which nothing but its id could be read. */
export function unread(stripeId: string): StalePayment {
  return {
    kind: "payment_intent",
    stripeId,
    stripeAccount: null,
    orderId: null,
    order: null,
    recordedState: null,
    paidBy: [],
    openSession: false,
    listed: null,
  };
}

/** Reads such intents one by one, to learn whose they are; those that stay unreadable are found unclear. */
export async function lookAtUnread(payments: StalePayment[], cleanup: Cleanup): Promise<StaleFinding[]> {
  const own = new Map<StalePayment, OwnIntent>();
  const looked = await inFlight(payments, (payment) =>
    guarded(payment, cleanup, async () => {
      const reply = await cleanup.ports.gateway.readIntent({ id: payment.stripeId, account: payment.stripeAccount });
      const [found] = reply.ok ? findOwn([reply.object], cleanup) : [];
      if (found) own.set(payment, found);
      const claimed = asClaimed(payment);
      const context = cleanup.lookOf(payment);
      const judge = (intent: StripeIntent) => judgeIntent(intent, verdictContext(claimed, context));
      return findingOf(claimed, { reply, standing: standingOf(outcomeOf(reply, "read"), { judge, ...context }) });
    }));
  const others = looked.filter(({ payment }) => !own.has(payment));
  return [...await judgeOwn([...own.values()], cleanup), ...others];
}
