/**
 * What has to become of an order, told from what the shop, the customer and the bank did. It knows no database and no Stripe; where two of
 * them race, Stripe's answer to the customer (was the money taken or not) decides, as it does in the world.
 */
/**
 * `unclosable`: a Checkout Session that is complete and whose bank debit failed; Stripe lets nobody cancel its intent, so a person has to look.
 * `foreign`: somebody else's.
 */
export type Fate = "open" | "paid" | "under_way" | "gone" | "unclosable" | "foreign";

/**
 * `until`, in milliseconds, of a payment under way: before it nobody may cancel the payment. Left out, it has no deadline of its own. `listed`:
 * nobody attached it, and it was created before its order fell due, so that a run finds it in Stripe's list before it closes the order.
 */
export type PaymentModel = { stripeId: string; attached: boolean; listed?: boolean; fate: Fate; until?: number };
export type OrderModel = { id: string; payments: PaymentModel[] };
export type FinalStatus = "expired" | "paid" | "pending" | "quarantined";

/** What a verb of the customer does to a payment when Stripe accepts it. */
const CONSEQUENCES: Record<string, Fate> = {
  confirm_ok: "paid",
  finish_3ds: "paid",
  confirm_session: "paid",
  voucher_pay: "paid",
  capture: "paid",
  async_settle: "paid",
  bank_fund: "paid",
  async_submit: "under_way",
  authorise: "under_way",
  async_fail: "open",
  fail_3ds: "open",
  decline: "open",
  start_3ds: "open",
  attach_pm: "open",
  voucher_issue: "under_way",
  voucher_lapse: "open",
  lapse_hold: "gone",
};

/** Notes that Stripe accepted what the customer did. */
export function accepted(payment: PaymentModel, verb: string): void {
  const fate = CONSEQUENCES[verb];
  if (fate === undefined) throw new Error(`Cannot say what ${verb} does to a payment`);
  payment.fate = fate;
}

/**
 * Where the order ends once nothing happens any more and time has passed, if no fault ever made it a case for a person. The first line
 * that fits: money decides, then what a person must look at, then money on its way.
 */
export function finalStatus({ payments }: OrderModel): FinalStatus {
  const known = payments.filter(({ attached, listed }) => attached || listed);
  const has = (fate: Fate) => known.some((payment) => payment.fate === fate);
  if (has("paid")) return "paid";
  if (has("unclosable") || has("foreign")) return "quarantined";
  if (has("under_way")) return "pending";
  return "expired";
}
