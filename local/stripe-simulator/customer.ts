import type { CustomerAction } from "./customer-action.ts";
import { lockOf } from "./execute.ts";
import { attach, authorise, cancel, capture, fail, fund, lapseIfDue, pay, submit } from "./intent-machine.ts";
import { newIntent } from "./new-intent.ts";
import { decline, settleAttempt } from "./payment-methods.ts";
import { closeDispute, dispute, endRefund, isDisputable, refund, refundable } from "./refund-machine.ts";
import { expireIfDue, recover } from "./session-machine.ts";
import type { Store } from "./store.ts";
import type { StoredIntent, StoredSession } from "./stored.ts";
import { isVoucherAction } from "./follow-intent.ts";
import type { World } from "./world.ts";

const UNPAID = ["requires_payment_method", "requires_confirmation", "requires_action"];
const READY = ["requires_payment_method", "requires_confirmation"];

/**
 * `accepted: false`: the state did not allow the action and nothing changed, because the customer came too late or too
 * early.
 */
export type CustomerResult = { accepted: boolean; status: string; sessionStatus: string | null };

/**
 * Performs an action of a customer, a bank or a counter. Like any write, it takes the object's lock and waits for it.
 */
export async function actAsCustomer(world: World, action: CustomerAction): Promise<CustomerResult> {
  const store = world.tenants().map((tenant) => tenant.store)
    .find((store) => store.intents.has(action.id) || store.sessions.has(action.id));
  if (store === undefined) throw new Error(`Cannot ${action.verb} ${action.id}: no such object`);
  const lock = lockOf(store, action.id);
  if (!await world.locks.acquire(lock, 30_000)) throw new Error(`Cannot ${action.verb} ${action.id}: locked for 30 s`);
  try {
    if (action.holdMs !== undefined) await world.timers.sleep(action.holdMs);
    return act(world, store, action);
  } finally {
    world.locks.release(lock);
  }
}

function act(world: World, store: Store, action: CustomerAction): CustomerResult {
  const session = store.sessions.get(action.id);
  if (session !== undefined) {
    expireIfDue(store, session, { cancelIntent: world.behaviour.expiringSessionCancelsIntent === "at_once" });
    // The recovery URL leads to a copy of the session, which is what the customer confirms.
    const shown = action.verb === "recover_session" ? recover(store, session) : session;
    const confirms = action.verb === "confirm_session" || action.verb === "recover_session";
    const accepted = confirms && shown !== null && confirmSession(store, shown, action);
    const { intent: id, status } = shown ?? session;
    const intent = id === null ? undefined : store.intents.get(id);
    return { accepted, status: intent?.status ?? status, sessionStatus: status };
  }
  const intent = lapseIfDue(store, store.intents.get(action.id)!);
  const accepted = actOnIntent(store, intent, action);
  const owner = intent.session === null ? undefined : store.sessions.get(intent.session);
  return { accepted, status: intent.status, sessionStatus: owner?.status ?? null };
}

function actOnIntent(store: Store, intent: StoredIntent, action: CustomerAction): boolean {
  const when = (allowed: boolean, change: () => void): boolean => {
    if (allowed) change();
    return allowed;
  };
  const { status } = intent;
  const asked = status === "requires_action";
  const type = intent.nextAction?.type ?? "";
  const inAuthentication = asked && (type === "use_stripe_sdk" || type === "redirect_to_url");
  switch (action.verb) {
    case "attach_pm":
      return when(status === "requires_payment_method", () => attach(store, intent, action.method ?? "pm_card_visa"));
    case "confirm_ok":
      return when(UNPAID.includes(status), () => pay(store, intent));
    case "decline":
      return when(UNPAID.includes(status), () => decline(store, intent));
    case "start_3ds": {
      const kind = action.redirect ? "redirect_to_url" as const : "use_stripe_sdk" as const;
      return when(
        READY.includes(status),
        () => settleAttempt(store, intent, { outcome: { kind: "asked", action: kind } }),
      );
    }
    case "finish_3ds":
      return when(inAuthentication, () => pay(store, intent));
    case "fail_3ds": {
      const message = "The provided PaymentMethod has failed authentication.";
      return when(
        inAuthentication,
        () => fail(store, intent, { code: "payment_intent_authentication_failure", message }),
      );
    }
    case "voucher_issue": {
      const kind = (action.method ?? "oxxo") as "oxxo";
      const outcome = { kind: "asked" as const, action: kind, expiresAt: action.expiresAt };
      return when(READY.includes(status), () => settleAttempt(store, intent, { outcome }));
    }
    case "voucher_pay":
      return when(isVoucherAction(intent), () => pay(store, intent));
    case "voucher_lapse": {
      const message = "The payment attempt has expired.";
      const code = "payment_intent_payment_attempt_expired";
      return when(isVoucherAction(intent), () => fail(store, intent, { code, message }));
    }
    case "bank_issue": {
      const outcome = { kind: "asked" as const, action: "bank_transfer" as const };
      return when(READY.includes(status), () => settleAttempt(store, intent, { outcome }));
    }
    case "bank_fund":
      return when(
        asked && type === "display_bank_transfer_instructions",
        () => fund(store, intent, action.amount ?? intent.amount),
      );
    case "async_submit":
      return when(UNPAID.includes(status), () => submit(store, intent, action.method ?? "sepa_debit"));
    case "async_settle":
      return when(status === "processing", () => pay(store, intent));
    case "async_fail": {
      const message = "The payment failed.";
      const code = "payment_intent_payment_attempt_failed";
      return when(status === "processing", () => fail(store, intent, { code, message }));
    }
    case "authorise":
      return when(UNPAID.includes(status), () => authorise(store, intent));
    case "capture":
      return when(status === "requires_capture", () => capture(store, intent, action.amount));
    case "lapse_hold":
      return when(status === "requires_capture", () => cancel(store, intent, "automatic"));
    case "cancel_in_dashboard":
      return when(
        intent.session === null && (UNPAID.includes(status) || status === "requires_capture"),
        () => cancel(store, intent, "requested_by_customer"),
      );
    case "refund":
      return when(refundable(store, intent) >= (action.amount ?? 1), () => {
        refund(store, intent, { amount: action.amount ?? refundable(store, intent), status: "succeeded" });
      });
    case "settle_refund":
    case "fail_refund":
      return endRefund(store, intent, action.verb === "settle_refund" ? "succeeded" : "failed");
    case "dispute":
      return when(isDisputable(store, intent), () => dispute(store, intent));
    case "win_dispute":
    case "lose_dispute":
      return closeDispute(store, intent, action.verb === "win_dispute" ? "won" : "lost");
    case "confirm_session":
    case "recover_session":
      return false;
  }
}

/** The customer presses Pay on the hosted page. Only then does the session get its intent. */
function confirmSession(store: Store, session: StoredSession, action: CustomerAction): boolean {
  if (session.status !== "open") return false;
  let intent = session.intent === null ? undefined : store.intents.get(session.intent);
  if (intent === undefined) {
    const { amount, currency, customer, captureMethod } = session;
    intent = newIntent(store, {
      amount,
      currency,
      customer,
      captureMethod,
      metadata: session.intentMetadata,
      session: session.id,
    });
    session.intent = intent.id;
    store.addIntent(intent);
    store.emit("payment_intent.created", intent);
  }
  if (!UNPAID.includes(intent.status)) return false;
  const outcome = action.outcome ?? "paid";
  if (outcome === "paid") pay(store, intent);
  else if (outcome === "declined") decline(store, intent);
  else if (outcome === "authorised") authorise(store, intent);
  else if (outcome === "processing") submit(store, intent, action.method ?? "sepa_debit");
  else if (outcome === "voucher") {
    const kind = (action.method ?? "oxxo") as "oxxo";
    settleAttempt(store, intent, { outcome: { kind: "asked", action: kind, expiresAt: action.expiresAt } });
  } else settleAttempt(store, intent, { outcome: { kind: "asked", action: "use_stripe_sdk" } });
  return true;
}
