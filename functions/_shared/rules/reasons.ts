/** A person must look at the order or payment. Until then nothing is cancelled and nothing is released. */
const QUARANTINE = {
  attempts_exhausted: "The order could not be decided in the allowed number of attempts.",
  claim_lapsed: "Several runs in a row died while they held the order.",
  older_than_list:
    "The order was placed before the oldest payments that Lapse lists, so one of its payments may be unknown.",
  unreadable: "The shop's order row has values that Lapse cannot use; lapse_shop.open_orders reports them.",
  late_payment: "The shop closed the order unpaid although money for it is recorded.",
  nothing_to_pay: "The order's amount is 0, so it cannot be paid and must not expire as unpaid.",
  payment_not_found: "Stripe does not know the payment: wrong account, wrong mode or wrong key.",
  account_access_lost: "The key has no access to the connected account of this payment.",
  refused_request: "Stripe calls the request itself invalid: a fault in this program.",
  idempotency_mismatch: "An idempotency key was used before with another request: a fault in this program.",
  foreign_payment:
    "The payment's metadata names another order, or a customer's role recorded it and its metadata does not name this one.",
  wrong_mode: "The payment is live and the key is for test mode, or the reverse.",
  unknown_status: "Stripe reports a status this program does not know.",
  unknown_next_action: "Stripe asks the customer for something this program does not know.",
  unsupported_session: "The Checkout Session is for a subscription or a setup, not for a payment.",
  amount_mismatch: "Money was received, but less than the order's amount or in another currency.",
  partly_received: "The intent received money but did not succeed: it was partly captured or partly funded.",
  partly_refunded: "Part of the money was refunded, so the shop has some of it.",
  disputed: "The customer's bank disputes the payment, so the shop may lose the money.",
  funding_unknown: "A bank transfer outlived its window, and Stripe does not say whether it was partly funded.",
  voucher_expiry_unknown: "A voucher outlived its window, and Stripe does not say when it expires.",
  session_contradicts: "The Checkout Session says that it is paid, but its intent says otherwise.",
  session_recoverable:
    "The customer can reopen the Checkout Session after it expired, and would pay an unattached copy.",
  checkout_unclosable:
    "The Checkout Session is complete and unpaid, and Stripe does not allow its intent to be cancelled.",
  paid_record_contradicted: "The ledger records this payment as paid, but Stripe says that it is not.",
  dead_record_contradicted: "The ledger records this payment as dead, but Stripe says that it succeeded.",
} as const satisfies Record<string, string>;

/**
 * Every reason of a decision, with its meaning in one sentence. docs/payments-ops.md says what to do about each and operators filter by it, so a
 * code is never renamed and never reused. Some codes are written only by the database.
 */
export const REASONS = {
  // The order may be closed.
  no_payment: "The order never had a payment, so there was nothing to inspect.",
  all_dead: "Every payment of the order is proven dead at Stripe.",
  would_expire: "Dry run: the order would expire once its payments are cancelled.",
  closed_by_shop: "The shop closed the order itself: paid in cash, free, or cancelled.",
  operator_word: "An operator vouched for payments that Stripe can neither find nor cancel.",

  // A payment is dead, or would be.
  ended_by_run: "This run cancelled the payment and Stripe confirmed it.",
  ended_reply_lost: "This run cancelled the payment; the reply was lost, and another inspection confirmed it.",
  already_dead: "Stripe says that the payment was canceled or expired before this run touched it.",
  refunded: "The payment succeeded, and all of its money was refunded before the order was closed.",
  declared_dead: "An operator declared the payment dead, because Stripe can neither find nor cancel it.",
  would_cancel: "Dry run: this intent would be cancelled.",
  would_expire_session: "Dry run: this Checkout Session would be expired.",

  // Money came in.
  paid: "Stripe received the order's full amount.",
  reported_by_shop: "The shop's checkout or webhook reported the payment.",
  paid_twice: "More than one payment succeeded and together they exceed the order's amount: refund the surplus.",
  maybe_paid_twice:
    "More than one payment succeeded and the order's amount is unknown: compare them before refunding one.",
  partly_paid: "The known payments together are less than the order's amount, so the order stays open.",
  revived: "Money arrived for an order that Lapse had expired; its stock was reserved again, and it is paid.",
  order_expired: "The payment succeeded although its order is closed: refund it, or fulfil it.",
  order_absent:
    "The payment succeeded and names an order that does not exist: refund it, or find out what happened to the order.",

  // Nothing is wrong; check again later.
  customer_action: "The customer is in 3-D Secure, a redirect or a wallet; one extra grace is granted.",
  voucher_open:
    "The customer holds a voucher that can still be paid, or whose payment a store may not have reported yet.",
  slow_method: "A bank transfer, microdeposits or a card notification is slow by design and protected for a while.",
  processing: "The payment was submitted and the bank has not answered: treated as paid, never cancelled.",
  requires_capture: "The card is authorised and waits for the shop's capture: treated as paid, never cancelled.",
  session_settling: "The Checkout Session is complete and its payment is still on the way.",
  sibling_waits:
    "The payment could be cancelled, but another one is undecided, so the customer may still use this one.",
  order_quarantined: "The payment could be cancelled, but its order is quarantined and an operator decides.",
  named_by_payment: "Only payments at Stripe name this order; neither the ledger nor the shop has it.",
  payments_checked: "The order is closed and every payment of it was inspected.",
  outside_scope: "The payment names an unknown order, and the clean-up is limited to known orders.",
  account_unproven:
    "No payment has shown yet that the Stripe key belongs to this shop, so payments of unknown orders are left alone.",

  // The run had no time or no access; nothing is wrong with the order.
  throttled: "Stripe's rate limit refused the call, so it was not executed.",
  out_of_time: "The run ran out of time before it decided this order; the next run continues.",
  run_stopped: "The run was stopped in the middle of this order; the next run continues.",
  untouched: "The run ended before it reached this order.",
  not_settled_in_time: "The database did not settle the decision in time; the next run decides again.",
  order_locked: "Another transaction held the shop's order row; Lapse gave way and tries again in a minute.",
  payment_unrecorded:
    "The shop's order row names a payment that the ledger lacked; it is recorded and inspected first.",
  deadline_moved: "The shop moved the deadline into the future while a run held the order.",
  amount_raised: "The shop raised the order's amount while a run found it paid; the money is compared again.",

  // A failed attempt: retried with a backoff, and quarantined after the last one.
  object_busy: "Stripe holds a lock on the payment; the customer may be paying at this moment.",
  server_error: "Stripe answered 5xx, so it is unknown whether the call was executed.",
  bad_reply: "Stripe's answer could not be understood: bad JSON, a missing field, another object.",
  timeout: "Stripe did not answer in time, so it is unknown whether the call was executed.",
  connection_lost: "The connection failed before the answer was complete.",
  call_in_progress: "Stripe is still executing an earlier call with the same idempotency key.",
  card_error: "Stripe answered 402, which no call of these jobs should cause.",
  end_refused: "Stripe refused to cancel the payment although its state allows it.",
  checkout_closing: "The Checkout Session is closed, but its intent is not cancelled yet.",
  payment_not_dead: "The decision said expired, but a payment of the order was not dead when it was settled.",
  order_unreadable: "The run could not read the order that it claimed; its log says why.",
  settlement_refused: "The database refused to close the order; the run's log has the error.",
  internal_error: "The program failed on this order; the run's log has the details.",

  // A person must look.
  ...QUARANTINE,

  // The whole run stopped; its orders are handed back untouched.
  key_rejected: "Stripe answered 401: the secret key is wrong, expired or revoked.",
  permission_denied: "Stripe answered 403: the key lacks a permission.",
  too_many_not_found: "Stripe knows none of many payments: the key most likely belongs to another account.",
} as const satisfies Record<string, string>;

/** A code of {@linkcode REASONS}. */
export type Reason = keyof typeof REASONS;

/** The reasons that quarantine an order. */
export const QUARANTINE_REASONS = Object.keys(QUARANTINE) as (keyof typeof QUARANTINE)[];
