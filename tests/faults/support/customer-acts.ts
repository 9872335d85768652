import assert from "node:assert/strict";
import type { CustomerAction } from "../../../local/stripe-simulator/customer-action.ts";
import { named } from "../../oracle/promises.ts";
import type { Bench } from "./bench.ts";
import type { Fate, PaymentModel } from "./model.ts";
import { canceledInTheGap, endOf, intentIdOf } from "./under-way.ts";

/** Actions of customers, banks and counters, and the payment's result if Stripe accepts them; for payments under way, how long. */
type CustomerAct = Omit<CustomerAction, "id"> & { becomes: Fate; days?: number };

/** How long a transfer and its like are waited for, from the creation of their intent. */
const SLOW_METHOD_DAYS = 7;

export const INTENT_ACTS: CustomerAct[] = [
  { verb: "confirm_ok", becomes: "paid" },
  { verb: "decline", becomes: "open" },
  { verb: "start_3ds", becomes: "open" },
  { verb: "finish_3ds", becomes: "paid" },
  { verb: "fail_3ds", becomes: "open" },
  { verb: "async_submit", becomes: "under_way" },
  { verb: "async_settle", becomes: "paid" },
  { verb: "async_fail", becomes: "open" },
  { verb: "voucher_issue", becomes: "under_way", days: 3 },
  { verb: "voucher_pay", becomes: "paid" },
  { verb: "voucher_lapse", becomes: "open" },
  { verb: "authorise", becomes: "under_way", days: 7 },
  { verb: "capture", becomes: "paid" },
  { verb: "lapse_hold", becomes: "gone" },
  { verb: "bank_issue", becomes: "under_way", days: SLOW_METHOD_DAYS },
  { verb: "bank_fund", becomes: "paid" },
];

export const SESSION_ACTS: CustomerAct[] = [
  { verb: "confirm_session", outcome: "paid", becomes: "paid" },
  { verb: "confirm_session", outcome: "declined", becomes: "open" },
  { verb: "confirm_session", outcome: "three_d_secure", becomes: "open" },
  { verb: "confirm_session", outcome: "processing", becomes: "under_way" },
  { verb: "confirm_session", outcome: "authorised", becomes: "under_way", days: 7 },
];

/** Performs the nth action that fits the payment, and reports it to the model if Stripe accepted it. */
export async function customerActs(bench: Bench, payment: PaymentModel, nth: number): Promise<void> {
  const acts = payment.stripeId.startsWith("cs_") ? SESSION_ACTS : INTENT_ACTS;
  await perform(bench, payment, acts[nth % acts.length]!);
}

/** What the bank does with a payment under way in the end, in this order: what does not fit its state, Stripe does not take. */
const OF_THE_BANK = [
  "async_settle",
  "capture",
  "voucher_pay",
  "bank_fund",
  "async_fail",
  "voucher_lapse",
  "lapse_hold",
];

/**
 * The bank answers at last: a payment under way is paid, or it fails. One that lapsed in the meantime does neither; one that did not is alive,
 * so that the money comes if it is to come.
 */
export async function bankDecides(
  bench: Bench,
  payment: PaymentModel,
  { settles }: { settles: boolean },
): Promise<void> {
  if (payment.fate !== "under_way") return;
  const { stripeId, until = Infinity } = payment;
  const mayBeGone = bench.time.now().getTime() >= until || canceledInTheGap(bench.stripe, stripeId);
  payment.fate = "gone";
  const wanted: Fate[] = settles ? ["paid"] : ["open", "gone"];
  const acts = INTENT_ACTS.filter(({ verb, becomes }) => wanted.includes(becomes) && OF_THE_BANK.includes(verb));
  if (settles && isVerified(bench, stripeId)) acts.unshift({ verb: "async_submit", becomes: "under_way" });
  for (const act of acts) await perform(bench, payment, act);
  if (settles && !mayBeGone) {
    assert.equal(
      payment.fate,
      "paid",
      named([`1: ${stripeId} was under way and Stripe does not take its money any more`]),
    );
  }
}

/** A bank account that is verified by small amounts is debited after that. */
function isVerified({ stripe }: Bench, stripeId: string): boolean {
  const id = intentIdOf(stripe, stripeId);
  return id !== null && stripe.paymentIntent({ id }).next_action?.type === "verify_with_microdeposits";
}

async function perform(bench: Bench, payment: PaymentModel, act: CustomerAct): Promise<void> {
  const { stripe } = bench;
  const { becomes, days, ...action } = act;
  const isForPage = action.verb === "confirm_session";
  const id = isForPage ? payment.stripeId : intentIdOf(stripe, payment.stripeId);
  if (id === null) return;
  const { accepted } = await stripe.customer({ id, ...action });
  if (!accepted || payment.fate === "foreign") return;
  const failedAfterCheckout = action.verb === "async_fail" && payment.stripeId.startsWith("cs_");
  payment.fate = failedAfterCheckout ? "unclosable" : becomes;
  payment.until = days === undefined ? undefined : endOf(bench, { id, days, slow: action.verb === "bank_issue" });
}
