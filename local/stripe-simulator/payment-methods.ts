import { invalidParameter, resourceMissing, StripeRefusal } from "./errors.ts";
import { ask, authorise, fail, pay, submit } from "./intent-machine.ts";
import type { NextActionKind } from "./next-action.ts";
import { renderIntent } from "./render.ts";
import type { Store } from "./store.ts";
import type { StoredIntent } from "./stored.ts";

/** The result of an attempt to pay. */
export type Outcome =
  | { kind: "paid" }
  | { kind: "authorised" }
  | { kind: "declined"; declineCode: string }
  | { kind: "asked"; action: NextActionKind; expiresAt?: number | null }
  | { kind: "processing"; method: string };

/** Stripe's test payment methods (docs.stripe.com/testing) that this simulator knows. */
const TEST_METHODS: Record<string, Outcome> = {
  pm_card_visa: { kind: "paid" },
  pm_card_mastercard: { kind: "paid" },
  pm_card_chargeDeclined: { kind: "declined", declineCode: "generic_decline" },
  pm_card_visa_chargeDeclined: { kind: "declined", declineCode: "generic_decline" },
  pm_card_chargeDeclinedInsufficientFunds: { kind: "declined", declineCode: "insufficient_funds" },
  pm_card_authenticationRequired: { kind: "asked", action: "use_stripe_sdk" },
  pm_card_threeDSecure2Required: { kind: "asked", action: "use_stripe_sdk" },
  pm_usBankAccount_success: { kind: "processing", method: "us_bank_account" },
};

const BY_TYPE: Record<string, Outcome> = {
  oxxo: { kind: "asked", action: "oxxo" },
  boleto: { kind: "asked", action: "boleto" },
  konbini: { kind: "asked", action: "konbini" },
  multibanco: { kind: "asked", action: "multibanco" },
  pix: { kind: "asked", action: "pix" },
  customer_balance: { kind: "asked", action: "bank_transfer" },
  ideal: { kind: "asked", action: "redirect_to_url" },
  bancontact: { kind: "asked", action: "redirect_to_url" },
  klarna: { kind: "asked", action: "redirect_to_url" },
  sepa_debit: { kind: "processing", method: "sepa_debit" },
  us_bank_account: { kind: "processing", method: "us_bank_account" },
  bacs_debit: { kind: "processing", method: "bacs_debit" },
  crypto: { kind: "processing", method: "crypto" },
};

/** The result of confirming with this test method, or with inline data of this type. Unknown ones are refused. */
export function outcomeOf(paymentMethod: string | null, inlineType?: string): Outcome {
  if (inlineType !== undefined) {
    const outcome = BY_TYPE[inlineType];
    if (outcome) return outcome;
    throw invalidParameter("payment_method_data[type]", {
      message: `Invalid payment_method_data[type]: ${inlineType}`,
    });
  }
  if (paymentMethod === null) {
    throw new StripeRefusal(400, {
      type: "invalid_request_error",
      code: "payment_intent_unexpected_state",
      message:
        "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the " +
        "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method.",
    });
  }
  const outcome = TEST_METHODS[paymentMethod];
  if (outcome) return outcome;
  throw resourceMissing("PaymentMethod", { id: paymentMethod, param: "payment_method" });
}

/** Applies the result of an attempt. Never throws: a decline is a change of state, and a 402 only for an API caller. */
export function settleAttempt(
  store: Store,
  intent: StoredIntent,
  options: { outcome: Outcome; returnUrl?: string | null },
): void {
  const { outcome } = options;
  if (outcome.kind === "paid") pay(store, intent);
  else if (outcome.kind === "authorised") authorise(store, intent);
  else if (outcome.kind === "processing") submit(store, intent, outcome.method);
  else if (outcome.kind === "declined") decline(store, intent, outcome.declineCode);
  else {
    const kind = outcome.action === "use_stripe_sdk" && options.returnUrl ? "redirect_to_url" : outcome.action;
    ask(store, intent, { kind, expiresAt: outcome.expiresAt, returnUrl: options.returnUrl });
  }
}

export function decline(store: Store, intent: StoredIntent, declineCode = "generic_decline"): void {
  fail(store, intent, { code: "card_declined", declineCode, message: "Your card was declined." });
}

/** The 402 an API caller gets when its own confirm was declined. */
export function declinedRefusal(store: Store, intent: StoredIntent): StripeRefusal {
  return new StripeRefusal(402, {
    type: "card_error",
    code: "card_declined",
    decline_code: intent.lastPaymentError?.decline_code,
    doc_url: "https://stripe.com/docs/error-codes/card-declined",
    message: "Your card was declined.",
    payment_intent: renderIntent(intent, store.livemode),
  });
}
