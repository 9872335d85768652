import type Stripe from "stripe";
import type { StoredEvent, StoredIntent, StoredSession } from "./stored.ts";

export const API_VERSION = "2026-10-28.endive";

/**
 * The full PaymentIntent of API 2026-10-28.endive; the SDK's type checks at build time that no field is missing. `charge` replaces the id
 * of its charge.
 */
export function renderIntent(
  intent: StoredIntent,
  livemode: boolean,
  charge?: Stripe.Charge | null,
): Stripe.PaymentIntent {
  return {
    id: intent.id,
    object: "payment_intent",
    allowed_payment_method_types: null,
    amount: intent.amount,
    amount_capturable: intent.amountCapturable,
    amount_details: { tip: {} },
    amount_received: intent.amountReceived,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: null,
    canceled_at: intent.canceledAt,
    cancellation_reason: intent.cancellationReason as Stripe.PaymentIntent.CancellationReason | null,
    capture_method: intent.captureMethod as Stripe.PaymentIntent.CaptureMethod,
    client_secret: `${intent.id}_secret_simulated`,
    confirmation_method: "automatic",
    created: intent.created,
    currency: intent.currency,
    customer: intent.customer,
    customer_account: null,
    description: null,
    excluded_payment_method_types: null,
    last_payment_error: intent.lastPaymentError,
    latest_charge: charge ?? intent.latestCharge,
    livemode,
    managed_payments: null,
    metadata: intent.metadata,
    next_action: intent.nextAction,
    on_behalf_of: null,
    payment_method: intent.paymentMethod,
    payment_method_configuration_details: null,
    payment_method_options: {},
    payment_method_types: intent.paymentMethodTypes,
    payment_record: null,
    processing: null,
    receipt_email: null,
    review: null,
    setup_future_usage: null,
    shipping: null,
    source: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: intent.status as Stripe.PaymentIntent.Status,
    transfer_group: null,
    ...intent.extras,
  };
}

/** The full Checkout Session; `expanded` replaces the id of its intent. */
export function renderSession(
  session: StoredSession,
  livemode: boolean,
  expanded?: Stripe.PaymentIntent | null,
): Stripe.Checkout.Session {
  return {
    id: session.id,
    object: "checkout.session",
    adaptive_pricing: null,
    after_expiration: session.recovery === null ? null : { recovery: renderRecovery(session.id, session.recovery) },
    allow_promotion_codes: null,
    allowed_payment_method_types: null,
    amount_subtotal: session.amount,
    amount_total: session.amount,
    automatic_tax: { enabled: false, liability: null, provider: null, status: null },
    billing_address_collection: null,
    cancel_url: null,
    client_reference_id: null,
    client_secret: null,
    collected_information: null,
    consent: null,
    consent_collection: null,
    created: session.created,
    currency: session.currency,
    currency_conversion: null,
    custom_fields: [],
    custom_text: { after_submit: null, shipping_address: null, submit: null, terms_of_service_acceptance: null },
    customer: session.customer,
    customer_account: null,
    customer_creation: "if_required",
    customer_details: null,
    customer_email: null,
    discounts: [],
    expires_at: session.expiresAt,
    integration_identifier: null,
    invoice: null,
    invoice_creation: null,
    livemode,
    locale: null,
    managed_payments: null,
    metadata: session.metadata,
    mode: "payment",
    origin_context: null,
    payment_intent: expanded ?? session.intent,
    payment_link: null,
    payment_method_collection: "if_required",
    payment_method_configuration_details: null,
    payment_method_options: {},
    payment_method_types: ["card"],
    payment_status: session.paymentStatus,
    permissions: null,
    recovered_from: session.recoveredFrom,
    saved_payment_method_options: null,
    setup_intent: null,
    shipping_address_collection: null,
    shipping_cost: null,
    shipping_options: [],
    status: session.status,
    submit_type: null,
    subscription: null,
    success_url: null,
    total_details: { amount_discount: 0, amount_shipping: 0, amount_tax: 0 },
    ui_mode: "hosted_page",
    url: session.status === "open" ? `https://checkout.stripe.com/c/pay/${session.id}` : null,
    wallet_options: null,
    ...session.extras,
  };
}

function renderRecovery(
  id: string,
  { promotionCodes, until }: NonNullable<StoredSession["recovery"]>,
): Stripe.Checkout.Session.AfterExpiration.Recovery {
  return {
    allow_promotion_codes: promotionCodes,
    enabled: true,
    expires_at: until,
    url: until === null ? null : `https://buy.stripe.com/r/${id}`,
  };
}

export function renderInvoicePayment(intent: StoredIntent, livemode: boolean): Stripe.InvoicePayment {
  const paid = intent.status === "succeeded";
  return {
    id: `inpay_${intent.id.slice(3)}`,
    object: "invoice_payment",
    amount_paid: paid ? intent.amount : null,
    amount_requested: intent.amount,
    created: intent.created,
    currency: intent.currency,
    invoice: intent.invoice!,
    is_default: true,
    livemode,
    payment: { type: "payment_intent", payment_intent: intent.id },
    status: paid ? "paid" : intent.status === "canceled" ? "canceled" : "open",
    status_transitions: { canceled_at: intent.canceledAt, paid_at: null },
  };
}

export function renderEvent(event: StoredEvent, options: { livemode: boolean; account: string | null }): object {
  return {
    id: event.id,
    object: "event",
    ...(options.account === null ? {} : { account: options.account }),
    api_version: API_VERSION,
    created: event.created,
    data: { object: event.object },
    livemode: options.livemode,
    pending_webhooks: 0,
    request: { id: null, idempotency_key: event.key },
    type: event.type,
  };
}

/** The same event in its thin form: it names the object but does not contain it. */
export function renderThinEvent(event: StoredEvent, options: { livemode: boolean; account: string | null }): object {
  const { id, object } = event.object as { id: string; object: string };
  const path = object === "checkout.session" ? "checkout/sessions" : `${object}s`;
  return {
    id: event.id,
    object: "v2.core.event",
    ...(options.account === null ? {} : { context: options.account }),
    created: new Date(event.created * 1_000).toISOString(),
    livemode: options.livemode,
    reason: null,
    related_object: { id, type: object, url: `/v1/${path}/${id}` },
    type: `v1.${event.type}`,
  };
}
