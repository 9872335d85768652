import assert from "node:assert/strict";
import type { Bench } from "./bench.ts";
import { attach, createAtStripe, type PaymentSpec } from "./shop.ts";
import { DAY } from "./time.ts";
import type { CustomerAction } from "../../../local/stripe-simulator/customer-action.ts";

type Act = Omit<CustomerAction, "id">;

/** What happens to one payment at Stripe, so that it sends an event of this type last. */
export type Happening = { type: string; session?: true; acts: (Act | "expire" | "refund_pending")[] };

const PAID: Act = { verb: "confirm_ok" };
const DEBIT: Act = { verb: "confirm_session", outcome: "processing" };

/** Each type of event that Lapse acts on, and the one that it ignores. Some types say different things. */
export const HAPPENINGS: Happening[] = [
  { type: "payment_intent.succeeded", acts: [PAID] },
  { type: "payment_intent.processing", acts: [{ verb: "async_submit" }] },
  { type: "payment_intent.amount_capturable_updated", acts: [{ verb: "authorise" }] },
  { type: "payment_intent.partially_funded", acts: [{ verb: "bank_issue" }, { verb: "bank_fund", amount: 500 }] },
  { type: "payment_intent.requires_action", acts: [{ verb: "voucher_issue" }] },
  { type: "payment_intent.canceled", acts: [{ verb: "cancel_in_dashboard" }] },
  { type: "payment_intent.payment_failed", acts: [{ verb: "decline" }] },
  { type: "checkout.session.completed", session: true, acts: [{ verb: "confirm_session" }] },
  { type: "checkout.session.completed", session: true, acts: [DEBIT] },
  { type: "checkout.session.async_payment_succeeded", session: true, acts: [DEBIT, { verb: "async_settle" }] },
  { type: "checkout.session.async_payment_failed", session: true, acts: [DEBIT, { verb: "async_fail" }] },
  { type: "checkout.session.expired", session: true, acts: ["expire"] },
  { type: "charge.refunded", acts: [PAID, { verb: "refund" }] },
  { type: "refund.created", acts: [PAID, { verb: "refund", amount: 500 }] },
  { type: "refund.updated", acts: [PAID, "refund_pending", { verb: "settle_refund" }] },
  { type: "refund.failed", acts: [PAID, "refund_pending", { verb: "fail_refund" }] },
  { type: "charge.dispute.created", acts: [PAID, { verb: "dispute" }] },
  { type: "charge.dispute.closed", acts: [PAID, { verb: "dispute" }, { verb: "lose_dispute" }] },
];

/** The first one that ends with an event of this type. */
export function happening(type: string): Happening {
  return HAPPENINGS.find((it) => it.type === type)!;
}

/** Those in which the customer pays. */
export const MONEY = HAPPENINGS.filter(({ type, acts }) =>
  /succeeded|session\.completed|refund|dispute/.test(type) && acts.at(-1) !== DEBIT
);

/** The ids of the events of a payment to which something happened, oldest first, `payment_intent.created` left out. */
export type Happened = { stripeId: string; events: string[]; last: string };

/** Makes a payment of the order and lets it happen. `attached` false: the shop did not report the payment. */
export async function happen(
  bench: Bench,
  order: string,
  { type, session, acts }: Happening,
  { attached = true }: { attached?: boolean } = {},
): Promise<Happened> {
  const { stripe } = bench;
  const before = stripe.events().length;
  const spec: PaymentSpec = session ? { session: {} } : { intent: {} };
  const stripeId = createAtStripe(bench, order, spec);
  if (attached) await attach(bench, order, { stripeId });
  for (const act of acts) await perform(bench, stripeId, act);
  const events = stripe.events().slice(before).filter((event) => event.type !== "payment_intent.created");
  const last = events.findLast((event) => event.type === type);
  assert.ok(last, `${type} is among ${events.map((event) => event.type)}`);
  return { stripeId, events: events.map(({ id }) => id), last: last.id };
}

async function perform(bench: Bench, stripeId: string, act: Happening["acts"][number]): Promise<void> {
  const { stripe, time } = bench;
  if (act === "expire") {
    return assert.equal(await bench.byHand(`/v1/checkout/sessions/${stripeId}/expire`), 200);
  }
  const isPage = stripeId.startsWith("cs_");
  const intent = isPage ? stripe.checkoutSession({ id: stripeId }).payment_intent as string : stripeId;
  if (act === "refund_pending") {
    stripe.setBehaviour({ refundStatus: "pending" });
    assert.equal(await bench.byHand("/v1/refunds", { payment_intent: intent }), 200);
    return void stripe.setBehaviour({ refundStatus: "succeeded" });
  }
  const id = act.verb === "confirm_session" ? stripeId : intent;
  const expiresAt = Math.floor((time.now().getTime() + 3 * DAY) / 1_000);
  const { accepted } = await stripe.customer({ id, ...act, ...(act.verb === "voucher_issue" ? { expiresAt } : {}) });
  assert.ok(accepted, `${act.verb} of ${stripeId}`);
}
