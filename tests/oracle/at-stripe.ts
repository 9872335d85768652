/** What the database says of payments, and what was done to them, against Stripe's own record. */
import type { OracleInput } from "./oracle.ts";

export async function expiredAndPaid({ sql, stripe }: OracleInput): Promise<string[]> {
  const expired = await sql<{ id: string }[]>`select id from public.orders where status = 'expired'`;
  return expired.filter(({ id }) => stripe.orderMoney({ orderId: id }).charged)
    .map(({ id }) => `1: order ${id} is expired and paid at Stripe`);
}

/**
 * What is recorded as dead must be dead at Stripe, but for what an operator declared dead: that is Stripe's last answer and a person's word.
 * Payments that Stripe does not know are some test's inventions.
 */
export async function deadAndAlive({ sql, stripe }: OracleInput): Promise<string[]> {
  const dead = await sql<{ stripe_id: string }[]>`
    select stripe_id from public.order_payments where state = 'dead' and not coalesce(evidence ? 'declared_by', false)`;
  const statusAtStripe = (id: string): string | undefined => {
    const session = id.startsWith("cs_") ? stripe.checkoutSessions({ id })[0] : undefined;
    if (session?.status === "open") return "open";
    const intent = id.startsWith("cs_") ? session?.payment_intent as string | null | undefined : id;
    return intent ? stripe.paymentIntents({ id: intent })[0]?.status : undefined;
  };
  return dead.map(({ stripe_id }) => ({ stripe_id, status: statusAtStripe(stripe_id) }))
    .filter(({ status }) => status !== undefined && status !== "canceled")
    .map(({ stripe_id, status }) => `3: ${stripe_id} is recorded as dead and is ${status} at Stripe`);
}

/** Not a promise by itself, but what promise 1 is made of: Lapse never ended a payment that had money in it or on its way. */
export function moneyThatWasCancelled({ stripe }: OracleInput): Promise<string[]> {
  const canceled = stripe.paymentIntents({ status: "canceled" })
    .filter(({ amount_received, cancellation_reason }) => amount_received > 0 && cancellation_reason === "abandoned");
  return Promise.resolve(canceled.map(({ id }) => `1: ${id} was cancelled although money had been received`));
}

const ENDABLE: (string | null)[] = ["requires_payment_method", "requires_confirmation", "requires_action"];

/**
 * No cancel takes effect on a payment that is under way. Stripe would let a hold go, so it is permitted in one case: the card was authorised
 * between the look and the cancel (functions/_shared/stripe/end-payment.ts), of which the last answer could not tell.
 */
export function cancelledUnderWay({ stripe }: OracleInput): Promise<string[]> {
  const wrong = stripe.calls({ endpoint: "payment_intents.cancel", executed: true }).filter((
    { statusBefore, statusShown },
  ) => !ENDABLE.includes(statusBefore) && !(statusBefore === "requires_capture" && ENDABLE.includes(statusShown)));
  return Promise.resolve(
    wrong.map(({ objectId, statusBefore, statusShown }) =>
      `1: ${objectId} was cancelled while it was ${statusBefore}, and the last look at it showed ${statusShown}`
    ),
  );
}
