import assert from "node:assert/strict";
import type { StripeControl } from "../../../local/stripe-simulator/control.ts";
import { named } from "../../oracle/promises.ts";
import type { Bench } from "./bench.ts";
import type { OrderModel } from "./model.ts";
import { DAY } from "./time.ts";

/** Fails if a run cancelled a payment under way before its time: vouchers and transfers, which Stripe lets go like any unpaid intent. */
export function assertUnderWayAlive({ stripe }: Bench, orders: OrderModel[]): void {
  const payments = orders.flatMap(({ payments }) => payments);
  for (const { stripeId, fate, until = Infinity } of payments) {
    if (fate !== "under_way") continue;
    const cancel = cancelOf(stripe, stripeId);
    assert.ok(
      cancel === undefined || cancel.atMs >= until || canceledInTheGap(stripe, stripeId),
      named([`1: ${stripeId} was cancelled while it was under way (${cancel?.statusBefore})`]),
    );
  }
}

/** Whether the payment came under way between the run's last look at it and its cancel: Stripe has no conditional cancel. */
export function canceledInTheGap(stripe: StripeControl, stripeId: string): boolean {
  const cancel = cancelOf(stripe, stripeId);
  return cancel !== undefined && cancel.statusShown !== cancel.statusBefore;
}

/** When a payment that is now under way lapses; `slow`: when Lapse stops waiting for it. */
export function endOf(
  { stripe, time }: Bench,
  { id, days, slow }: { id: string; days: number; slow: boolean },
): number {
  const from = slow ? stripe.paymentIntent({ id }).created * 1_000 : time.now().getTime();
  return from + days * DAY;
}

/** A session has an intent only once the customer pressed Pay. */
export function intentIdOf(stripe: StripeControl, stripeId: string): string | null {
  if (stripeId.startsWith("pi_")) return stripeId;
  return stripe.checkoutSession({ id: stripeId }).payment_intent as string | null;
}

/** The call that canceled it, if one did. */
function cancelOf(stripe: StripeControl, stripeId: string) {
  const objectId = intentIdOf(stripe, stripeId) ?? "";
  return stripe.calls({ endpoint: "payment_intents.cancel", objectId, executed: true })[0];
}
