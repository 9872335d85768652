/** What shop and ledger say of payments, and what was done to them, against Stripe's own record. */
import type { OracleInput } from "./oracle.ts";

type Recorded = {
  ref: string;
  stripe_id: string;
  state: string;
  deadline: Date | null;
  declared: boolean;
  /** Disputed, given back in part, and the like: an alert of its reason tells, one for all such payments of closed orders. */
  unclear: boolean;
  alerts: number;
};

/**
 * An expired order of the shop has no money at Stripe, unless exactly one alert reports that money as late, or it is being refunded. Money
 * that came through a payment nobody knew when the order was closed may be found later: `untoldMoney` checks that.
 */
export async function expiredAndPaid(input: OracleInput): Promise<string[]> {
  return (await moneyOfExpired(input)).flatMap(({ ref, intent, created, recorded }) => {
    const where = `1: order ${ref} is expired and its payment ${intent} is paid at Stripe`;
    if (recorded.declared) return [];
    if (recorded.state === "dead") return [`${where}, while the ledger says that it is dead`];
    if (recorded.state === "paid") return recorded.alerts === 1 ? [] : [`${where}, with ${recorded.alerts} alerts`];
    const wasThere = recorded.deadline !== null && created < recorded.deadline;
    return wasThere ? [`${where}, and it was there before the deadline`] : [];
  });
}

/** After the clean-up ran: all money of expired orders is recorded and reported. */
export async function untoldMoney(input: OracleInput): Promise<string[]> {
  return (await moneyOfExpired(input))
    .filter(({ recorded: { declared, unclear, state, alerts } }) =>
      !declared && !unclear && !(state === "paid" && alerts === 1)
    )
    .map(({ ref, intent, recorded }) =>
      `1: order ${ref} is expired, its payment ${intent} is paid at Stripe, ${recorded.state} in the ledger, and ${recorded.alerts} alerts tell`
    );
}

/** Each charged intent of an order that the shop holds for expired, as the ledger knows it: by itself or by its session. */
async function moneyOfExpired({ sql, stripe }: OracleInput) {
  const charged = stripe.ordersMoney().filter((it) => it.charged);
  const refs = charged.map(({ orderId }) => orderId);
  const rows = await sql<Recorded[]>`
    select o.id::text as ref, p.stripe_id, coalesce(p.state, 'unknown') as state, l.deadline,
      coalesce(p.evidence ? 'declared_by', false) as declared,
      p.state = 'open' and exists (select from lapse.alerts a where a.key = 'payments_unclear:' || p.reason) as unclear,
      -- told to a person, or on its way back
      case when exists (select from lapse.refunds r where r.stripe_id = p.stripe_id) then 1
        else (select count(*)::int from lapse.alerts a where a.key = 'late_payment:' || o.id) end as alerts
    from public.orders o
    left join lapse.orders l on l.ref = o.id::text
    left join lapse.payments p on p.ref = o.id::text
    where o.status = 'expired' and o.id::text = any (${refs})`;
  const sessionOf = new Map(
    stripe.checkoutSessions().map(({ id, payment_intent }) => [payment_intent as string | null, id]),
  );
  return charged.flatMap(({ orderId, intents }) => {
    const ofOrder = rows.filter(({ ref }) => ref === orderId);
    if (ofOrder.length === 0) return [];
    return intents.filter((intent) => isCharged(stripe, intent)).map((intent) => {
      const known = ofOrder.find(({ stripe_id }) => stripe_id === intent || stripe_id === sessionOf.get(intent));
      const recorded = known ??
        { ...ofOrder[0]!, stripe_id: intent, state: "unknown", declared: false, unclear: false };
      return { ref: orderId, intent, created: createdAt(stripe, intent), recorded };
    });
  });
}

function isCharged(stripe: OracleInput["stripe"], intent: string): boolean {
  const sum = (kind: string) =>
    stripe.ledger().filter((it) => it.intent === intent && it.kind === kind).reduce((n, { amount }) => n + amount, 0);
  return sum("charged") > sum("refunded") - sum("refund_failed");
}

function createdAt(stripe: OracleInput["stripe"], intent: string): Date {
  return new Date(stripe.paymentIntent({ id: intent }).created * 1_000);
}

/**
 * What is recorded as dead must be dead at Stripe, but for what an operator declared dead: that is Stripe's last answer and a person's word.
 * Payments that Stripe does not know are some test's inventions.
 */
export async function deadAndAlive({ sql, stripe }: OracleInput): Promise<string[]> {
  const dead = await sql<{ stripe_id: string }[]>`
    select stripe_id from lapse.payments where state = 'dead' and not coalesce(evidence ? 'declared_by', false)`;
  const intentOf = (id: string): string =>
    id.startsWith("cs_") ? stripe.checkoutSessions({ id })[0]?.payment_intent as string | null ?? "" : id;
  const statusAtStripe = (id: string): string | undefined => {
    const session = id.startsWith("cs_") ? stripe.checkoutSessions({ id })[0] : undefined;
    if (session?.status === "open") return "open";
    return stripe.paymentIntents({ id: intentOf(id) })[0]?.status;
  };
  return dead.map(({ stripe_id }) => ({ stripe_id, status: statusAtStripe(stripe_id) }))
    .filter(({ status }) => status !== undefined && status !== "canceled")
    // Nothing is left of money that was given back in full.
    .filter(({ stripe_id, status }) => status !== "succeeded" || isCharged(stripe, intentOf(stripe_id)))
    .map(({ stripe_id, status }) => `3: ${stripe_id} is recorded as dead and is ${status} at Stripe`);
}

/** The basis of promise 1: Lapse never cancelled a payment whose money was received or on its way. */
export function moneyThatWasCancelled({ stripe }: OracleInput): Promise<string[]> {
  const canceled = stripe.paymentIntents({ status: "canceled" })
    .filter(({ amount_received, cancellation_reason }) => amount_received > 0 && cancellation_reason === "abandoned");
  return Promise.resolve(canceled.map(({ id }) => `1: ${id} was cancelled although money had been received`));
}

const CANCELABLE: (string | null)[] = ["requires_payment_method", "requires_confirmation", "requires_action"];

/**
 * No cancel takes effect on a payment that is under way. Stripe would let a hold go, so it is permitted in one case: the card was authorised
 * between the inspection and the cancel, of which the last answer could not tell.
 */
export function cancelledUnderWay({ stripe }: OracleInput): Promise<string[]> {
  const wrong = stripe.calls({ endpoint: "payment_intents.cancel", executed: true }).filter((
    { statusBefore, statusShown },
  ) =>
    !CANCELABLE.includes(statusBefore) && !(statusBefore === "requires_capture" && CANCELABLE.includes(statusShown))
  );
  return Promise.resolve(
    wrong.map(({ objectId, statusBefore, statusShown }) =>
      `1: ${objectId} was cancelled while it was ${statusBefore}, and the last inspection showed ${statusShown}`
    ),
  );
}

/** Money of an expired order goes back once, and none of an order that was revived. */
export async function refundedTwice({ sql, stripe }: OracleInput): Promise<string[]> {
  const made = stripe.refunds().filter(({ metadata, status }) => metadata?.lapse_refund && status !== "failed");
  const rows = await sql<{ id: string; ref: string; status: string; reason: string }[]>`
    select r.id, r.ref, o.status, r.reason from lapse.refunds r left join lapse.orders o using (ref)`;
  const perIntent = Map.groupBy(made, ({ payment_intent }) => payment_intent as string);
  return [
    ...[...perIntent].filter(([, refunds]) => refunds.length > 1)
      .map(([intent, refunds]) => `1: Lapse gave ${intent} back ${refunds.length} times`),
    ...rows.filter(({ id, status, reason }) =>
      status === "paid" && reason === "order_expired" && made.some((it) => it.metadata?.lapse_refund?.startsWith(id))
    ).map(({ ref }) => `1: order ${ref} is paid, and Lapse gave its money back`),
  ];
}
