import type Stripe from "stripe";
import type { NextAction } from "../stripe/objects.ts";

/**
 * What a `requires_action` intent is waiting for.
 *
 * - `customer`: an action on a screen, for minutes.
 * - `voucher`: the payment of a code that has its own expiry, for hours to weeks.
 * - `slow`: a bank, for days.
 * - `bank_transfer`: like `slow`, but it may be partly funded.
 */
type ActionClass =
  | { class: "customer" }
  | { class: "voucher"; expiryField: "expires_at" | "expires_after" }
  | { class: "slow" }
  | { class: "bank_transfer" };

/** Every next_action type of the pinned SDK. */
type SdkActionType = Exclude<keyof Stripe.PaymentIntent.NextAction, "type">;

// With this Record the compiler refuses a type that is missing here and one that the SDK does not have.
const ACTION_CLASSES: Record<SdkActionType, ActionClass> = {
  use_stripe_sdk: { class: "customer" },
  redirect_to_url: { class: "customer" },
  alipay_handle_redirect: { class: "customer" },
  blik_authorize: { class: "customer" },
  cashapp_handle_redirect_or_display_qr_code: { class: "customer" },
  klarna_display_qr_code: { class: "customer" },
  paynow_display_qr_code: { class: "customer" },
  promptpay_display_qr_code: { class: "customer" },
  swish_handle_redirect_or_display_qr_code: { class: "customer" },
  upi_handle_redirect_or_display_qr_code: { class: "customer" },
  wechat_pay_display_qr_code: { class: "customer" },
  wechat_pay_redirect_to_android_app: { class: "customer" },
  wechat_pay_redirect_to_ios_app: { class: "customer" },
  boleto_display_details: { class: "voucher", expiryField: "expires_at" },
  konbini_display_details: { class: "voucher", expiryField: "expires_at" },
  multibanco_display_details: { class: "voucher", expiryField: "expires_at" },
  oxxo_display_details: { class: "voucher", expiryField: "expires_after" },
  // A voucher: customers scan a Pix code in their bank's app, up to 14 days later if the shop allows it.
  pix_display_qr_code: { class: "voucher", expiryField: "expires_at" },
  card_await_notification: { class: "slow" },
  verify_with_microdeposits: { class: "slow" },
  display_bank_transfer_instructions: { class: "bank_transfer" },
};

type Listed = { [Type in SdkActionType]?: never };

/** Types that Stripe sends and the pinned SDK does not list yet. One that a newer SDK lists moves up: the compiler says so. */
const UNLISTED_CLASSES = {} as const satisfies Record<string, ActionClass> & Listed;

export type ReadAction =
  | { class: "customer" | "slow" | "unknown" }
  /** `expiresAt` null: absent or not a number. */
  | { class: "voucher"; expiresAt: Date | null }
  /** Minor units still to come; null when Stripe does not say. */
  | { class: "bank_transfer"; amountRemaining: number | null };

/** Classifies the next_action of a `requires_action` intent. A missing one is `unknown`, like a new type. */
export function readNextAction(action: NextAction | null | undefined): ReadAction {
  const known = action && classOf(action.type);
  if (!known) return { class: "unknown" };
  switch (known.class) {
    case "voucher": {
      const seconds = numberIn(action, known.expiryField);
      return { class: "voucher", expiresAt: seconds === null ? null : new Date(seconds * 1000) };
    }
    case "bank_transfer":
      return { class: "bank_transfer", amountRemaining: numberIn(action, "amount_remaining") };
    default:
      return { class: known.class };
  }
}

function classOf(type: string): ActionClass | undefined {
  const tables: Record<string, ActionClass>[] = [ACTION_CLASSES, UNLISTED_CLASSES];
  return tables.find((table) => Object.hasOwn(table, type))?.[type];
}

/** Stripe nests the details under a key named like the type. */
function numberIn(action: NextAction, field: string): number | null {
  const details = action[action.type];
  if (typeof details !== "object" || details === null) return null;
  const value: unknown = Reflect.get(details, field);
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
