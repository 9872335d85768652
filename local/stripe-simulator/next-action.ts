import type Stripe from "stripe";

/** What the customer may have been asked to do. Vouchers and bank transfers can be paid long after the page is closed. */
export const NEXT_ACTION_KINDS = [
  "use_stripe_sdk",
  "redirect_to_url",
  "oxxo",
  "boleto",
  "konbini",
  "multibanco",
  "pix",
  "bank_transfer",
  "microdeposits",
  "card_await_notification",
] as const;

export type NextActionKind = (typeof NEXT_ACTION_KINDS)[number];

const VOUCHERS: readonly string[] = ["oxxo", "boleto", "konbini", "multibanco", "pix"];

/** Whether the customer has a code that can be paid at a counter or by bank until it expires. */
export function isVoucher(kind: NextActionKind): boolean {
  return VOUCHERS.includes(kind);
}

/**
 * The payment method types of an intent with this action. The arrays are shared, because a million intents refer to
 * them.
 */
export function paymentMethodTypesOf(kind: NextActionKind): string[] {
  return METHOD_TYPES[kind];
}

const CARD = ["card"];
const METHOD_TYPES: Record<NextActionKind, string[]> = {
  use_stripe_sdk: CARD,
  redirect_to_url: CARD,
  card_await_notification: CARD,
  oxxo: ["oxxo"],
  boleto: ["boleto"],
  konbini: ["konbini"],
  multibanco: ["multibanco"],
  pix: ["pix"],
  bank_transfer: ["customer_balance"],
  microdeposits: ["us_bank_account"],
};

/**
 * `next_action` in Stripe's form (stripe@23.1.0 PaymentIntents.d.ts). `expiresAt` is in seconds; null leaves it out.
 */
export function nextAction(
  kind: NextActionKind,
  options: { expiresAt: number | null; amountRemaining: number; currency: string; returnUrl?: string | null },
): Stripe.PaymentIntent.NextAction {
  const hosted_voucher_url = "https://payments.stripe.com/voucher/simulated";
  const expires_at = options.expiresAt;
  switch (kind) {
    case "use_stripe_sdk":
      return { type: kind, use_stripe_sdk: { type: "three_d_secure_redirect" } };
    case "redirect_to_url": {
      const url = "https://hooks.stripe.com/redirect/simulated";
      return { type: kind, redirect_to_url: { return_url: options.returnUrl ?? null, url } };
    }
    case "oxxo":
      return {
        type: "oxxo_display_details",
        oxxo_display_details: { expires_after: expires_at, hosted_voucher_url, number: "1" },
      };
    case "boleto":
      return {
        type: "boleto_display_details",
        boleto_display_details: { expires_at, hosted_voucher_url, number: "1", pdf: null },
      };
    case "konbini": {
      const stores = { familymart: null, lawson: null, ministop: null, seicomart: null };
      return {
        type: "konbini_display_details",
        konbini_display_details: { expires_at: expires_at ?? 0, hosted_voucher_url, stores },
      };
    }
    case "multibanco": {
      const multibanco_display_details = { entity: "12345", expires_at, hosted_voucher_url, reference: "1" };
      return { type: "multibanco_display_details", multibanco_display_details };
    }
    case "pix":
      return { type: "pix_display_qr_code", pix_display_qr_code: expires_at === null ? {} : { data: "1", expires_at } };
    case "bank_transfer":
      return {
        type: "display_bank_transfer_instructions",
        display_bank_transfer_instructions: {
          amount_remaining: options.amountRemaining,
          currency: options.currency,
          hosted_instructions_url: "https://payments.stripe.com/bank_transfers/simulated",
          reference: "SIM",
          type: "eu_bank_transfer",
        },
      };
    case "microdeposits":
      return {
        type: "verify_with_microdeposits",
        verify_with_microdeposits: {
          arrival_date: expires_at ?? 0,
          hosted_verification_url: "https://payments.stripe.com/microdeposit/simulated",
          microdeposit_type: "amounts",
        },
      };
    case "card_await_notification":
      return {
        type: kind,
        card_await_notification: { charge_attempt_at: expires_at, customer_approval_required: true },
      };
  }
}
