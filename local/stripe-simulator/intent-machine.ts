import { isVoucher, nextAction, type NextActionKind, paymentMethodTypesOf } from "./next-action.ts";
import { followIntent } from "./follow-intent.ts";
import type { Store } from "./store.ts";
import type { StoredIntent } from "./stored.ts";

const DAY_MS = 86_400_000;
/** Uncaptured intents are cancelled 7 days after their creation by default (SDK docstring of `capture_method`). */
const HOLD_MS = 7 * DAY_MS;
const VOUCHER_MS = 3 * DAY_MS;

/** The statuses that allow a cancel, according to Stripe's own refusal text; `processing` only "in rare cases". */
export const CANCELABLE = ["requires_payment_method", "requires_capture", "requires_confirmation", "requires_action"];

/** Changes an intent's status, remembers the old one for the delayed search index, and updates its session. */
function move(store: Store, intent: StoredIntent, change: { status: string; event: string | null }): void {
  intent.statusBefore = intent.status;
  intent.statusChangedAtMs = store.around.clock.nowMs();
  intent.status = change.status;
  if (change.status !== "requires_action") intent.nextAction = null;
  if (change.status !== "requires_capture" && change.status !== "requires_action") intent.lapsesAtMs = null;
  if (change.event !== null) store.emit(change.event, intent);
  followIntent(store, intent);
}

/** The payment succeeds: money is charged, or held if the intent is captured manually. */
export function pay(store: Store, intent: StoredIntent): void {
  intent.lastPaymentError = null;
  intent.latestCharge = store.around.newId("ch_");
  if (intent.captureMethod === "manual") return authorise(store, intent);
  intent.amountReceived = intent.amount;
  store.money("charged", intent, intent.amount);
  move(store, intent, { status: "succeeded", event: "payment_intent.succeeded" });
}

export function authorise(store: Store, intent: StoredIntent): void {
  intent.captureMethod = "manual";
  intent.amountCapturable = intent.amount;
  intent.latestCharge ??= store.around.newId("ch_");
  intent.lapsesAtMs = store.around.clock.nowMs() + HOLD_MS;
  store.money("authorised", intent, intent.amount);
  move(store, intent, { status: "requires_capture", event: "payment_intent.amount_capturable_updated" });
}

/** Captures what was held and releases the rest. */
export function capture(store: Store, intent: StoredIntent, amount = intent.amountCapturable): void {
  const held = intent.amountCapturable;
  intent.amountReceived += amount;
  intent.amountCapturable = 0;
  store.money("released", intent, held);
  store.money("charged", intent, amount);
  move(store, intent, { status: "succeeded", event: "payment_intent.succeeded" });
}

/** The attempt fails. That is no final state: the intent can be tried again. */
export function fail(
  store: Store,
  intent: StoredIntent,
  error: { code: string; declineCode?: string; message: string },
): void {
  const type = error.declineCode === undefined ? "invalid_request_error" as const : "card_error" as const;
  const { code, message } = error;
  intent.lastPaymentError = { type, code, message, ...(error.declineCode ? { decline_code: error.declineCode } : {}) };
  intent.paymentMethod = null;
  move(store, intent, { status: "requires_payment_method", event: "payment_intent.payment_failed" });
}

/** The customer is asked for an action. Vouchers expire by the clock. */
export function ask(
  store: Store,
  intent: StoredIntent,
  options: { kind: NextActionKind; expiresAt?: number | null; returnUrl?: string | null },
): void {
  const { kind } = options;
  const nowMs = store.around.clock.nowMs();
  const expiresAt = options.expiresAt === undefined ? Math.floor((nowMs + VOUCHER_MS) / 1000) : options.expiresAt;
  const amountRemaining = intent.amount - intent.amountReceived;
  const { currency } = intent;
  intent.paymentMethod ??= store.around.newId("pm_");
  intent.paymentMethodTypes = paymentMethodTypesOf(kind);
  intent.nextAction = nextAction(kind, { expiresAt, amountRemaining, currency, returnUrl: options.returnUrl });
  intent.lapsesAtMs = isVoucher(kind) && expiresAt !== null ? expiresAt * 1000 : null;
  move(store, intent, { status: "requires_action", event: "payment_intent.requires_action" });
}

/** A bank debit or a crypto payment was submitted; it takes minutes to days. */
export function submit(store: Store, intent: StoredIntent, method: string): void {
  intent.paymentMethod ??= store.around.newId("pm_");
  intent.paymentMethodTypes = [method];
  move(store, intent, { status: "processing", event: "payment_intent.processing" });
}

export function attach(store: Store, intent: StoredIntent, paymentMethod: string): void {
  intent.paymentMethod = paymentMethod;
  move(store, intent, { status: "requires_confirmation", event: null });
}

/** Money arrives by bank transfer. The intent succeeds once all of it has arrived. */
export function fund(store: Store, intent: StoredIntent, amount: number): void {
  const details = intent.nextAction?.display_bank_transfer_instructions;
  const remaining = Math.max(0, (details?.amount_remaining ?? intent.amount) - amount);
  if (remaining === 0) return pay(store, intent);
  intent.nextAction = nextAction("bank_transfer", {
    expiresAt: null,
    amountRemaining: remaining,
    currency: intent.currency,
  });
  store.money("part_funded", intent, amount);
  store.emit("payment_intent.partially_funded", intent);
}

/** Cancels the intent and releases what was held. */
export function cancel(store: Store, intent: StoredIntent, reason: string | null): void {
  if (intent.amountCapturable > 0) store.money("released", intent, intent.amountCapturable);
  intent.amountCapturable = 0;
  intent.canceledAt = store.around.clock.nowSeconds();
  intent.cancellationReason = reason;
  move(store, intent, { status: "canceled", event: "payment_intent.canceled" });
}

/** Applies changes that are due by the clock. Called before every access to the intent. */
export function lapseIfDue(store: Store, intent: StoredIntent): StoredIntent {
  if (intent.lapsesAtMs === null || intent.lapsesAtMs > store.around.clock.nowMs()) return intent;
  if (intent.status === "requires_capture") cancel(store, intent, "automatic");
  else if (intent.status === "requires_action") {
    fail(store, intent, {
      code: "payment_intent_payment_attempt_expired",
      message: "The payment attempt has expired.",
    });
  }
  intent.lapsesAtMs = null;
  return intent;
}
