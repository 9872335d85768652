import type { Store } from "./store.ts";
import type { StoredIntent } from "./stored.ts";

const CARD = ["card"];

/** A fresh intent in `requires_payment_method`, not yet in the store. */
export function newIntent(
  store: Store,
  values: Pick<StoredIntent, "amount" | "currency" | "metadata"> & Partial<StoredIntent>,
): StoredIntent {
  const { clock, newId } = store.around;
  return {
    id: values.id ?? newId("pi_"),
    created: values.created ?? clock.nowSeconds(),
    seq: store.nextSeq(),
    status: values.status ?? "requires_payment_method",
    amount: values.amount,
    currency: values.currency,
    metadata: values.metadata,
    captureMethod: values.captureMethod ?? "automatic_async",
    amountCapturable: values.amountCapturable ?? 0,
    amountReceived: values.amountReceived ?? 0,
    canceledAt: values.canceledAt ?? null,
    cancellationReason: values.cancellationReason ?? null,
    customer: values.customer ?? null,
    paymentMethod: values.paymentMethod ?? null,
    paymentMethodTypes: values.paymentMethodTypes ?? CARD,
    nextAction: values.nextAction ?? null,
    lastPaymentError: values.lastPaymentError ?? null,
    latestCharge: values.latestCharge ?? null,
    session: values.session ?? null,
    invoice: values.invoice ?? null,
    lapsesAtMs: values.lapsesAtMs ?? null,
    statusBefore: null,
    statusChangedAtMs: 0,
    statusShown: null,
    insertedAtMs: clock.nowMs(),
    extras: values.extras ?? null,
  };
}
