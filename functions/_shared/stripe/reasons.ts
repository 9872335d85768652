/**
 * Every reason a decision can carry, with what it means in one line. The docs are written from this list, operators
 * filter by it, so a code is never renamed and never reused for something else.
 */
export const REASONS = {
  // The order may be closed.
  no_payment: "The order never had a payment; nothing had to be asked of Stripe.",
  all_dead: "Every payment of the order is proven dead at Stripe.",
  would_expire: "Dry run: the order would be expired once its payments are ended.",

  // A payment is dead, or would be.
  ended_by_run: "This run ended the payment and Stripe confirmed it.",
  ended_reply_lost: "This run ended the payment; the reply was lost and a second look confirmed it.",
  already_dead: "Stripe says the payment was canceled or expired before this run touched it.",
  would_cancel: "Dry run: this intent would be canceled.",
  would_expire_session: "Dry run: this Checkout Session would be expired.",

  // Money came in.
  paid: "Stripe received the order's full amount.",
  paid_twice: "More than one payment succeeded and together they exceed the order's amount: refund the surplus.",

  // Nothing is wrong, look again later.
  customer_action: "The customer is in 3-D Secure, a redirect or a wallet; one extra grace is granted.",
  voucher_open: "The customer holds a voucher that can still be paid, or that a shop may not have reported yet.",
  slow_method: "Bank transfer, microdeposits or a card notification: slow by design, protected for a while.",
  processing: "The payment was submitted and the bank has not answered: treated as paid, never canceled.",
  requires_capture: "The card is authorised and waits for the shop's capture: treated as paid, never canceled.",
  session_settling: "The Checkout Session is complete and its payment is still on the way.",
  throttled: "Stripe's rate limit turned the call away; it was not executed.",
  out_of_time: "The run's time ended in the middle of this order; the next run goes on.",
  run_stopped: "The run was stopped in the middle of this order; the next run goes on.",
  sibling_waits: "Could be ended, but another payment of the order is not decided: the customer may still use it.",

  // A failed attempt: backoff, and quarantine after the last one.
  object_busy: "Stripe holds a lock on the payment, the customer may be paying at this moment.",
  server_error: "Stripe answered 5xx: nobody knows whether the call was executed.",
  bad_reply: "Stripe's answer could not be understood: bad JSON, missing field, other object.",
  timeout: "Stripe did not answer in time: nobody knows whether the call was executed.",
  connection_lost: "The connection failed before the whole answer was here.",
  call_in_progress: "Stripe is still executing an earlier call with the same idempotency key.",
  card_error: "Stripe answered 402, which no call of this job should cause.",
  end_refused: "Stripe refused to end the payment although its state allows it.",
  checkout_closing: "The Checkout Session is closed, its intent is not yet.",
  order_unreadable: "The database handed out an order that cannot be read; the run's log says what is wrong with it.",
  settlement_refused: "The database refused to close the order; the run's log has its words.",
  internal_error: "The program failed on this order; the run's log has the details.",

  // A person has to look: nothing is ended, nothing is released.
  payment_not_found: "Stripe does not know the payment: wrong account, wrong mode or wrong key.",
  account_access_lost: "The key has no access to the connected account of this payment.",
  refused_request: "Stripe calls the request itself invalid: a fault in this program.",
  idempotency_mismatch: "An idempotency key was used before with another request: a fault in this program.",
  foreign_payment: "The payment's metadata.order_id is not this order.",
  wrong_mode: "A live payment met a test key, or the other way round.",
  unknown_status: "Stripe reports a status this program does not know.",
  unknown_next_action: "Stripe asks the customer for something this program does not know.",
  unsupported_session: "The Checkout Session is for a subscription or a setup, not for a payment.",
  amount_mismatch: "Money was received, but less than the order's amount or in another currency.",
  partly_received: "The intent received something but did not succeed: partly captured, or part-funded.",
  funding_unknown: "A bank transfer outlived its window and Stripe does not say whether it was part-funded.",
  voucher_expiry_unknown: "A voucher outlived its window and Stripe does not say when it expires.",
  session_contradicts: "The Checkout Session says paid and its intent says otherwise.",
  session_recoverable:
    "The Checkout Session can be brought back after it expired: the customer would pay a copy that nobody attached.",
  checkout_unclosable: "The Checkout Session is complete and unpaid, and Stripe lets nobody cancel its intent.",
  paid_record_contradicted: "The database has this payment as paid, Stripe says it is not.",

  // Why a whole run stopped; orders are handed back untouched.
  key_rejected: "Stripe answered 401: the secret key is wrong, expired or revoked.",
  permission_denied: "Stripe answered 403: the key lacks a permission.",
  too_many_not_found:
    "Many payments are unknown to Stripe and not one was known: the key most likely belongs to another account.",
} as const satisfies Record<string, string>;

/** A code of {@linkcode REASONS}. */
export type Reason = keyof typeof REASONS;
