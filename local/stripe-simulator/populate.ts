import { newIntent } from "./new-intent.ts";
import { isVoucher, nextAction, paymentMethodTypesOf } from "./next-action.ts";
import { RECOVERY_SECONDS } from "./session-machine.ts";
import type { IntentSpec, SessionSpec } from "./specs.ts";
import type { StoredIntent, StoredSession } from "./stored.ts";
import { PLATFORM_ACCOUNT, type Store } from "./store.ts";
import type { World } from "./world.ts";

const HOLD_MS = 7 * 86_400_000;

/** Creates intents without calls, events or locks: 100,000 take well under a second. Returns their ids. */
export function createPaymentIntents(world: World, specs: IntentSpec[]): string[] {
  const ids: string[] = [];
  for (const spec of specs) {
    const { store } = world.tenant(spec.account ?? PLATFORM_ACCOUNT, spec.livemode ?? false);
    for (let n = 0; n < (spec.count ?? 1); n++) ids.push(placeIntent(store, spec, n).id);
  }
  return ids;
}

/** Creates sessions and their intents. */
export function createCheckoutSessions(
  world: World,
  specs: SessionSpec[],
): Array<{ id: string; paymentIntent: string | null }> {
  const made: Array<{ id: string; paymentIntent: string | null }> = [];
  for (const spec of specs) {
    const { store } = world.tenant(spec.account ?? PLATFORM_ACCOUNT, spec.livemode ?? false);
    for (let n = 0; n < (spec.count ?? 1); n++) {
      const session = placeSession(store, spec, n);
      made.push({ id: session.id, paymentIntent: session.intent });
    }
  }
  return made;
}

function placeIntent(store: Store, spec: IntentSpec, n: number, session?: string): StoredIntent {
  const status = spec.status ?? "requires_payment_method";
  const amount = spec.amount ?? 2000;
  const { clock, newId } = store.around;
  const intent = newIntent(store, {
    id: spec.id === undefined ? undefined : numbered(spec.id, n),
    created: createdAt(spec, n),
    status,
    amount,
    currency: spec.currency ?? "eur",
    metadata: numberedAll(spec.metadata, n),
    captureMethod: spec.captureMethod,
    customer: spec.customer,
    invoice: spec.invoice,
    amountReceived: spec.amountReceived,
    session,
  });
  if (store.intents.has(intent.id)) throw new Error(`Cannot create payment intent ${intent.id}: it exists already`);
  if (status === "requires_action") {
    const kind = spec.nextAction ?? "use_stripe_sdk";
    const expiresAt = spec.expiresAt === undefined ? clock.nowSeconds() + 3 * 86_400 : spec.expiresAt;
    const amountRemaining = amount - intent.amountReceived;
    intent.nextAction = nextAction(kind, { expiresAt, amountRemaining, currency: intent.currency });
    intent.paymentMethodTypes = paymentMethodTypesOf(kind);
    // An expired voucher that still shows requires_action is a separate state. It stays as specified.
    if (isVoucher(kind) && expiresAt !== null && expiresAt * 1000 > clock.nowMs()) intent.lapsesAtMs = expiresAt * 1000;
  } else if (status === "processing") intent.paymentMethodTypes = [spec.paymentMethodType ?? "sepa_debit"];
  else if (status === "requires_capture") {
    Object.assign(intent, { captureMethod: "manual", amountCapturable: amount, lapsesAtMs: clock.nowMs() + HOLD_MS });
    store.money("authorised", intent, amount);
  } else if (status === "succeeded") intent.amountReceived = spec.amountReceived ?? amount;
  else if (status === "canceled") {
    intent.canceledAt = intent.created;
    intent.cancellationReason = spec.cancellationReason ?? null;
  }
  const neverTried = status === "requires_payment_method" || status === "canceled";
  if (!neverTried) intent.paymentMethod = newId("pm_");
  if (status === "requires_capture" || status === "processing" || intent.amountReceived > 0) {
    intent.latestCharge = newId("ch_");
  }
  if (intent.amountReceived > 0) store.money("charged", intent, intent.amountReceived);
  store.addIntent(intent);
  return intent;
}

function placeSession(store: Store, spec: SessionSpec, n: number): StoredSession {
  const status = spec.status ?? "open";
  const { clock, newId } = store.around;
  const paymentStatus = spec.paymentStatus ?? (status === "complete" ? "paid" : "unpaid");
  const created = createdAt(spec, n) ?? clock.nowSeconds();
  const session: StoredSession = {
    id: spec.id === undefined ? newId(store.livemode ? "cs_live_a1" : "cs_test_a1") : numbered(spec.id, n),
    created,
    seq: store.nextSeq(),
    status,
    paymentStatus,
    expiresAt: spec.expiresAt ?? Math.max(created, clock.nowSeconds()) + 86_400,
    amount: spec.amount ?? 2000,
    currency: spec.currency ?? "eur",
    metadata: numberedAll(spec.metadata, n),
    intent: null,
    intentMetadata: numberedAll(spec.intentMetadata, n),
    captureMethod: spec.captureMethod ?? "automatic_async",
    customer: spec.customer ?? null,
    recovery: spec.recovery
      ? {
        promotionCodes: false,
        until: status === "expired" ? spec.recoveryUntil ?? clock.nowSeconds() + RECOVERY_SECONDS : null,
      }
      : null,
    recoveredFrom: null,
    extras: extrasOf(spec, n),
  };
  if (store.sessions.has(session.id)) {
    throw new Error(`Cannot create checkout session ${session.id}: it exists already`);
  }
  store.addSession(session);
  const intentStatus = spec.intentStatus ??
    (status !== "complete" || paymentStatus === "no_payment_required"
      ? undefined
      : paymentStatus === "paid"
      ? "succeeded"
      : "processing");
  if (intentStatus !== undefined) {
    const { amount, currency, intentMetadata, captureMethod } = session;
    const { nextAction, customer } = spec;
    const like = {
      status: intentStatus,
      amount,
      currency,
      metadata: intentMetadata,
      captureMethod,
      nextAction,
      customer,
      created,
    };
    session.intent = placeIntent(store, like as IntentSpec, n, session.id).id;
  }
  return session;
}

function extrasOf({ mode, clientReferenceId }: SessionSpec, n: number): Record<string, unknown> {
  return {
    ...mode && { mode },
    ...clientReferenceId !== undefined && { client_reference_id: numbered(clientReferenceId, n) },
  };
}

function createdAt(spec: { created?: number; createdStep?: number }, n: number): number | undefined {
  return spec.created === undefined ? undefined : Math.floor(spec.created + n * (spec.createdStep ?? 0));
}

function numbered(text: string, n: number): string {
  return text.includes("{n}") ? text.replaceAll("{n}", String(n)) : text;
}

function numberedAll(values: Record<string, string> | undefined, n: number): Record<string, string> {
  const result: Record<string, string> = {};
  for (const key in values) result[key] = numbered(values[key]!, n);
  return result;
}
