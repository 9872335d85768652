import type Stripe from "stripe";
import type { StoredDispute, StoredIntent, StoredRefund } from "./stored.ts";

/** The charge of an intent that received or holds money. `refunded` is in the currency's minor unit. */
export function renderCharge(
  intent: StoredIntent & { latestCharge: string },
  { livemode, refunded, disputed }: { livemode: boolean; refunded: number; disputed: boolean },
): Stripe.Charge {
  const captured = intent.amountReceived > 0;
  const { transfer_data = null, on_behalf_of = null } = intent.extras ?? {};
  return {
    id: intent.latestCharge,
    object: "charge",
    amount: intent.amount,
    amount_captured: intent.amountReceived,
    amount_refunded: refunded,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: null,
    billing_details: { address: null, email: null, name: null, phone: null, tax_id: null },
    calculated_statement_descriptor: null,
    captured,
    created: intent.created,
    currency: intent.currency,
    customer: intent.customer,
    description: null,
    disputed,
    failure_balance_transaction: null,
    failure_code: null,
    failure_message: null,
    fraud_details: null,
    livemode,
    metadata: intent.metadata,
    on_behalf_of: on_behalf_of as string | null,
    outcome: null,
    paid: true,
    payment_intent: intent.id,
    payment_method: intent.paymentMethod,
    payment_method_details: null,
    receipt_email: null,
    receipt_number: null,
    receipt_url: null,
    refunded: captured && refunded >= intent.amountReceived,
    review: null,
    shipping: null,
    source: null as unknown as Stripe.CustomerSource,
    source_transfer: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: "succeeded",
    transfer_data: transfer_data as Stripe.Charge.TransferData | null,
    transfer_group: null,
  };
}

export function renderRefund(refund: StoredRefund): Stripe.Refund {
  return {
    id: refund.id,
    object: "refund",
    amount: refund.amount,
    balance_transaction: null,
    charge: refund.charge,
    created: refund.created,
    currency: refund.currency,
    customer: null,
    customer_account: null,
    ...(refund.status === "failed" ? { failure_reason: "expired_or_canceled_card" } : {}),
    metadata: refund.metadata,
    payment_intent: refund.intent,
    payment_method: null,
    reason: refund.reason as Stripe.Refund.Reason | null,
    receipt_number: null,
    source_transfer_reversal: null,
    status: refund.status,
    transfer_reversal: null,
  };
}

/** Of a dispute, only whose money it concerns and its status. */
export function renderDispute(dispute: StoredDispute, livemode: boolean): object {
  return {
    id: dispute.id,
    object: "dispute",
    amount: dispute.amount,
    charge: dispute.charge,
    created: dispute.created,
    currency: dispute.currency,
    is_charge_refundable: false,
    livemode,
    metadata: {},
    payment_intent: dispute.intent,
    reason: "general",
    status: dispute.status,
  };
}
