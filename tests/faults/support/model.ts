/**
 * The required result of an order, derived from the actions of the shop, the customer and the bank. It knows no database and no Stripe; where two of
 * them race, Stripe's answer to the customer (was the money taken or not) decides, as it does in the world.
 */
/**
 * `unclosable`: a Checkout Session that is complete and whose bank debit failed; Stripe does not allow its intent to be cancelled, so an operator must decide.
 * `foreign`: not the shop's. `returned`: paid and refunded in full.
 */
export type Fate = "open" | "paid" | "under_way" | "gone" | "unclosable" | "foreign" | "returned";

/**
 * `until`, in milliseconds, of a payment under way: before it the payment must not be cancelled. Left out, it has no deadline of its own. `listed`:
 * nobody attached it, and it was created before its order fell due, so that a run finds it in Stripe's list before it closes the order.
 * `late`: nobody attached it, and it was created after that. `unclear`: disputed, or given back in part.
 */
export type PaymentModel = {
  stripeId: string;
  attached: boolean;
  listed?: boolean;
  late?: boolean;
  unclear?: boolean;
  fate: Fate;
  until?: number;
};

/**
 * `settled`: the order was paid before any money of it was given back or disputed, which then changes nothing. `perhaps`: a run was working on
 * it at that moment. `restored`: shop and ledger forgot a part of it.
 */
export type OrderModel = {
  id: string;
  payments: PaymentModel[];
  sku?: string;
  settled?: boolean;
  perhaps?: boolean;
  restored?: boolean;
};
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

/** Whether the order was ever paid, even if the money was refunded. */
const hadMoney = ({ fate }: PaymentModel) => fate === "paid" || fate === "returned";

/**
 * Where the order may end once nothing happens any more and time has passed, if no fault ever made it a case for a person. The first line
 * that fits: money decides, then what a person must look at, then money on its way. Late money may come before its order is closed or revive
 * it; whether it must is for `revivable`.
 */
export function finalStatuses({ payments, settled, perhaps }: OrderModel): FinalStatus[] {
  if (settled && payments.some(hadMoney)) return ["paid"];
  const late = payments.filter(({ late, fate }) => late && fate === "paid");
  const may: FinalStatus[] = [
    statusOfKnown(payments.filter(({ attached, listed }) => attached || listed)),
    ...(perhaps && payments.some(hadMoney) ? ["paid" as const] : []),
    ...late.map(({ unclear }) => unclear ? "quarantined" as const : "paid" as const),
  ];
  return [...new Set(may)];
}

function statusOfKnown(known: PaymentModel[]): FinalStatus {
  const has = (fate: Fate) => known.some((payment) => payment.fate === fate);
  if (known.some(({ fate, unclear }) => fate === "paid" && !unclear)) return "paid";
  if (has("paid") || has("unclosable") || has("foreign")) return "quarantined";
  if (has("under_way")) return "pending";
  return "expired";
}

/** Whether an expired order has late money that buys it again, where the settings say so and there is stock. */
export function revivable({ payments, sku }: OrderModel): boolean {
  return sku !== "last" && payments.some(({ late, fate, unclear }) => late && fate === "paid" && !unclear);
}
