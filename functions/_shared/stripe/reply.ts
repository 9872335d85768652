/** What came of one call to Stripe: the object, or everything worth knowing about why not. */
export type Reply<T> =
  | { ok: true; object: T; requestId: string | null }
  | { ok: false; failure: CallFailure<T> };

/**
 * A call that brought no object. Stripe's message is left out on purpose: it may quote keys and e-mail addresses.
 *
 * `refused`: Stripe answered with an error status. `not_sent`: the run was out of time. The other kinds leave open
 * whether the call was executed.
 */
export type CallFailure<T> = {
  kind: "refused" | "not_sent" | "bad_reply" | "timeout" | "connection_lost";
  /** Null unless `kind` is `refused`. */
  httpStatus: number | null;
  errorType: string | null;
  errorCode: string | null;
  /** The header Stripe-Rate-Limited-Reason of a 429. A lock_timeout has none. */
  rateLimitedReason: string | null;
  requestId: string | null;
  /** The refusal says that Checkout owns the intent. It says so in the message only: there is no code for it. */
  ownedByCheckout: boolean;
  /** The object as it was when Stripe refused, if the error body carried it. */
  object: T | null;
};

/** A failure with nothing known but its kind. */
export function blankFailure<T>(kind: CallFailure<T>["kind"], known: Partial<CallFailure<T>> = {}): CallFailure<T> {
  return {
    kind,
    httpStatus: null,
    errorType: null,
    errorCode: null,
    rateLimitedReason: null,
    requestId: null,
    ownedByCheckout: false,
    object: null,
    ...known,
  };
}
