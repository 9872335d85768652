import type { Behaviour, Call } from "./endpoint.ts";
import { StripeRefusal } from "./errors.ts";
import { CANCELABLE } from "./intent-machine.ts";
import { renderIntent } from "./render.ts";
import type { StoredIntent } from "./stored.ts";

/** The code of the refusal to cancel this intent; null if a cancel is allowed. */
export function cancelRefusal(intent: StoredIntent, behaviour: Behaviour): string | null {
  if (CANCELABLE.includes(intent.status)) return null;
  if (intent.status !== "processing") return "payment_intent_unexpected_state";
  const mode = behaviour.processingCancel;
  if (mode === "accept") return null;
  const newer = mode === "invalid_cancellation_state" ||
    (mode === "by_payment_method" && intent.paymentMethodTypes.includes("crypto"));
  return newer ? "payment_intent_invalid_cancellation_state" : "payment_intent_unexpected_state";
}

/**
 * The 400 for a call that the intent's status does not allow. It contains the intent, as documented, unless that is
 * disabled.
 */
export function unexpectedState(
  call: Call,
  intent: StoredIntent,
  options: { message: string; code?: string },
): StripeRefusal {
  const code = options.code ?? "payment_intent_unexpected_state";
  return new StripeRefusal(400, {
    type: "invalid_request_error",
    code,
    doc_url: `https://stripe.com/docs/error-codes/${code.replaceAll("_", "-")}`,
    message: options.message,
    ...(call.behaviour.refusalCarriesIntent ? { payment_intent: renderIntent(intent, call.store.livemode) } : {}),
  });
}
