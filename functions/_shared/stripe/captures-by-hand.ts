import type { StripeIntent } from "./objects.ts";

/** Enums are open: a way of capturing that is not known here may hold the money, too. */
const AT_ONCE: unknown[] = ["automatic", "automatic_async"];

/**
 * Whether a customer's authorisation of this intent may be left waiting for the shop's capture, whatever payment method is used or
 * with one of them. Stripe cancels such an intent after the customer has paid, from the customer's view: what is known of it
 * before a cancel must be as young as can be.
 */
export function capturesByHand(
  { capture_method, payment_method_options }: Pick<StripeIntent, "capture_method" | "payment_method_options">,
): boolean {
  if (!AT_ONCE.includes(capture_method)) return true;
  if (typeof payment_method_options !== "object" || payment_method_options === null) return false;
  return Object.values(payment_method_options).map(ownCaptureMethod).some((own) =>
    own != null && !AT_ONCE.includes(own)
  );
}

/** A payment method without one takes the intent's. */
function ownCaptureMethod(options: unknown): unknown {
  return typeof options === "object" && options !== null ? Reflect.get(options, "capture_method") : null;
}
