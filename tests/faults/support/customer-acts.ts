import type { CustomerAction } from "../../../local/stripe-simulator/customer-action.ts";
import type { Bench } from "./bench.ts";
import type { Fate, PaymentModel } from "./model.ts";

/** What customers, banks and counters do, and what becomes of the payment when Stripe takes it. */
type CustomerAct = Omit<CustomerAction, "id"> & { becomes: Fate };

export const INTENT_ACTS: CustomerAct[] = [
  { verb: "confirm_ok", becomes: "paid" },
  { verb: "decline", becomes: "open" },
  { verb: "start_3ds", becomes: "open" },
  { verb: "finish_3ds", becomes: "paid" },
  { verb: "fail_3ds", becomes: "open" },
  { verb: "async_submit", becomes: "under_way" },
  { verb: "async_settle", becomes: "paid" },
  { verb: "async_fail", becomes: "open" },
  { verb: "voucher_issue", becomes: "under_way" },
  { verb: "voucher_pay", becomes: "paid" },
  { verb: "voucher_lapse", becomes: "open" },
  { verb: "authorise", becomes: "under_way" },
  { verb: "capture", becomes: "paid" },
  { verb: "lapse_hold", becomes: "gone" },
  { verb: "bank_issue", becomes: "under_way" },
  { verb: "bank_fund", becomes: "paid" },
];

export const SESSION_ACTS: CustomerAct[] = [
  { verb: "confirm_session", outcome: "paid", becomes: "paid" },
  { verb: "confirm_session", outcome: "declined", becomes: "open" },
  { verb: "confirm_session", outcome: "three_d_secure", becomes: "open" },
  { verb: "confirm_session", outcome: "processing", becomes: "under_way" },
  { verb: "confirm_session", outcome: "authorised", becomes: "under_way" },
];

/** Does the nth act that fits the payment, and tells the model if Stripe took it. */
export async function customerActs(bench: Bench, payment: PaymentModel, nth: number): Promise<void> {
  const acts = payment.stripeId.startsWith("cs_") ? SESSION_ACTS : INTENT_ACTS;
  await perform(bench, payment, acts[nth % acts.length]!);
}

/** The bank answers at last: a payment under way is paid, or it fails. One that lapsed in the meantime does neither. */
export async function bankDecides(
  bench: Bench,
  payment: PaymentModel,
  { settles }: { settles: boolean },
): Promise<void> {
  if (payment.fate !== "under_way") return;
  const wanted: Fate[] = settles ? ["paid"] : ["open", "gone"];
  payment.fate = "gone";
  const verbs = INTENT_ACTS.filter(({ verb, becomes }) =>
    wanted.includes(becomes) &&
    ["async_settle", "capture", "voucher_pay", "bank_fund", "async_fail", "voucher_lapse", "lapse_hold"].includes(verb)
  );
  for (const act of verbs) await perform(bench, payment, act);
}

async function perform({ stripe }: Bench, payment: PaymentModel, { becomes, ...action }: CustomerAct): Promise<void> {
  const isForPage = action.verb === "confirm_session";
  const id = isForPage ? payment.stripeId : intentIdOf(stripe, payment.stripeId);
  if (id === null) return;
  const { accepted } = await stripe.customer({ id, ...action });
  if (!accepted || payment.fate === "foreign") return;
  const failedAfterCheckout = action.verb === "async_fail" && payment.stripeId.startsWith("cs_");
  payment.fate = failedAfterCheckout ? "unclosable" : becomes;
}

/** A session has an intent only once the customer pressed Pay. */
function intentIdOf(stripe: Bench["stripe"], stripeId: string): string | null {
  if (stripeId.startsWith("pi_")) return stripeId;
  return stripe.checkoutSession({ id: stripeId }).payment_intent as string | null;
}
