import { faultsIn } from "../fault.ts";

/** What Stripe's answer means for one payment. */
export const VERDICT_FAULTS = [
  ...faultsIn("functions/_shared/stripe/verdict.ts", [
    ["mode-unchecked", "if (object.livemode !== livemode)", "if (false)", "a test payment is judged with a live key"],
    ["owner-unchecked", "if (object.metadata.order_id !== order.id)", "if (false)", "another order's payment is ended"],
    [
      "unmarked-is-ours",
      "if (object.metadata.order_id !== order.id)",
      "if (object.metadata.order_id !== undefined && object.metadata.order_id !== order.id)",
      "a payment without our mark is ended",
    ],
    [
      "succeeded-must-cover",
      `if (intent.status === "succeeded") return`,
      `if (intent.status === "succeeded" && received >= order.amount) return`,
      "a success below the amount is not read as money",
    ],
    [
      "part-money-unseen",
      "if (received > 0) {",
      "if (received > order.amount) {",
      "an intent that holds part of the money is cancelled",
    ],
    [
      "foreign-currency-covers",
      "received >= order.amount && intent.currency === order.currency",
      "received >= order.amount",
      "100 yen pay for 100 euros",
    ],
    ["canceled-unknown", `case "canceled":`, `case "cancelled":`, "dead payments are set aside"],
    [
      "processing-canceled",
      `return { kind: "wait", until: later(now, policy.processingRecheck), why: "processing" };`,
      `return { kind: "cancelable", end: "cancel_intent", id: intent.id };`,
      "money on its way is cancelled",
    ],
    [
      "hold-canceled",
      `return { kind: "wait", until: later(now, policy.captureRecheck), why: "requires_capture" };`,
      `return { kind: "cancelable", end: "cancel_intent", id: intent.id };`,
      "an authorised card is let go",
    ],
    [
      "processing-wrong-wait",
      "later(now, policy.processingRecheck)",
      "later(now, policy.captureRecheck)",
      "processing is looked at six times too late",
    ],
    [
      "capture-wrong-wait",
      "later(now, policy.captureRecheck)",
      "later(now, policy.processingRecheck)",
      "holds are looked at six times too often",
    ],
    [
      "unknown-status-canceled",
      `    default:
      return { kind: "quarantine", why: "unknown_status" };`,
      `    default:
      return { kind: "cancelable", end: "cancel_intent", id: intent.id };`,
      "a status of tomorrow is cancelled",
    ],
    [
      "confirmation-unknown",
      `case "requires_confirmation":`,
      `case "requires_confirmations":`,
      "unconfirmed intents are set aside",
    ],
    [
      "no-customer-grace",
      "return graceForCustomer(context) ?? cancelable;",
      "return cancelable;",
      "a customer in 3-D Secure is cut off",
    ],
    [
      "voucher-canceled",
      "return waitForVoucher(action.expiresAt, context) ?? cancelable;",
      "return cancelable;",
      "a valid voucher is cancelled",
    ],
    [
      "voucher-forever",
      "return waitForVoucher(action.expiresAt, context) ?? cancelable;",
      `return waitForVoucher(action.expiresAt, context) ?? { kind: "quarantine", why: "voucher_expiry_unknown" };`,
      "a lapsed voucher never gives its stock back",
    ],
    [
      "voucher-without-expiry",
      `if (now < windowEnd) return { kind: "wait", until: windowEnd, why: "voucher_open" };`,
      "",
      "a fresh voucher without expiry is set aside",
    ],
    [
      "old-voucher-canceled",
      `return { kind: "quarantine", why: "voucher_expiry_unknown" };`,
      "return cancelable;",
      "a voucher that may still be valid is cancelled",
    ],
    [
      "slow-method-canceled",
      `return now < windowEnd ? { kind: "wait", until: windowEnd, why: "slow_method" } : cancelable;`,
      "return cancelable;",
      "a transfer under way is cancelled",
    ],
    [
      "funding-unknown-canceled",
      "if (action.amountRemaining === null)",
      "if (false)",
      "a transfer of unknown funding is cancelled",
    ],
    [
      "part-funded-canceled",
      "action.amountRemaining < intent.amount",
      "action.amountRemaining > intent.amount",
      "a part-funded transfer is cancelled",
    ],
    [
      "unknown-action-canceled",
      `return { kind: "quarantine", why: "unknown_next_action" };`,
      "return cancelable;",
      "an action of tomorrow is cancelled",
    ],
    [
      "grace-again-and-again",
      "if (payment.graceUntil === null) {",
      "if (true) {",
      "a script that reopens the challenge holds stock for ever",
    ],
    [
      "grace-one-tick-long",
      "return now < payment.graceUntil ?",
      "return now <= payment.graceUntil ?",
      "the grace does not end when it ends",
    ],
    [
      "voucher-no-settle-grace",
      "later(expiresAt, policy.voucherSettleGrace)",
      "expiresAt",
      "cash paid in the last hour is cancelled",
    ],
    [
      "voucher-settle-boundary",
      "if (now >= graceEnd) return null;",
      "if (now > graceEnd) return null;",
      "a wait of no length",
    ],
    [
      "voucher-recheck-past-grace",
      'return { kind: "wait", until: recheck < graceEnd ? recheck : graceEnd, why: "voucher_open" };',
      'return { kind: "wait", until: recheck, why: "voucher_open" };',
      "stock comes back later than promised",
    ],
    [
      "window-in-seconds",
      "new Date(intent.created * 1000)",
      "new Date(intent.created)",
      "every slow method looks decades old and is cancelled",
    ],
  ]),
  ...faultsIn("functions/_shared/stripe/verdict-session.ts", [
    ["session-owner-unchecked", "if (stranger) return stranger;", "", "another order's session is expired"],
    ["subscription-judged", `if (session.mode !== "payment")`, "if (false)", "a subscription's session is expired"],
    [
      "session-hides-money",
      `if (intent && intent.kind !== "dead" && intent.kind !== "cancelable") return intent;`,
      "",
      "an open session with money in it is expired",
    ],
    [
      "recoverable-session-dead",
      `if (isRecoverable(session, context)) return { kind: "quarantine", why: "session_recoverable" };`,
      "",
      "the stock of an order is released whose customer is mailed a link to pay it",
    ],
    [
      "recovery-before-money",
      `  if (intent && intent.kind !== "dead" && intent.kind !== "cancelable") return intent;
  if (isRecoverable(session, context))`,
      `  if (isRecoverable(session, context))`,
      "a paid order is set aside",
    ],
    [
      "recoverable-when-complete",
      `!recovery?.enabled || status === "complete"`,
      "!recovery?.enabled",
      "a complete session, which no link brings back, is set aside",
    ],
    [
      "recovery-without-date",
      "recovery.expires_at == null ||",
      "recovery.expires_at != null &&",
      "a session whose link has no date yet counts as dead",
    ],
    [
      "copy-of-last-second",
      "later(new Date(recovery.expires_at * 1000), LONGEST_SESSION)",
      "new Date(recovery.expires_at * 1000)",
      "the stock is released while a copy is open",
    ],
    [
      "open-session-dead",
      `return { kind: "cancelable", end: "expire_session", id: session.id };`,
      `return { kind: "dead" };`,
      "an order is closed while its session can be paid",
    ],
    [
      "expired-session-dead",
      `return intent ?? { kind: "dead" };`,
      `return { kind: "dead" };`,
      "an order is closed while its intent can be paid",
    ],
    [
      "intent-of-other-order",
      "intent.metadata.order_id ?? context.order.id",
      "context.order.id",
      "an intent that names another order is ended",
    ],
    [
      "contradiction-paid",
      `if (intent) return { kind: "quarantine", why: "session_contradicts" };`,
      "",
      "a session without money pays for an order",
    ],
    [
      "free-order-charged",
      `session.payment_status === "paid" ? session.amount_total ?? 0 : 0`,
      "session.amount_total ?? 0",
      "an unpaid session counts as money",
    ],
    [
      "settling-dead",
      `return { kind: "wait", until: later(context.now, context.policy.processingRecheck), why: "session_settling" };`,
      `return { kind: "dead" };`,
      "an order is closed while its payment settles",
    ],
    [
      "complete-no-grace",
      "graceForCustomer(context) ?? intent : intent;",
      "intent : intent;",
      "a session that was completed just now is ended",
    ],
    [
      "session-status-unknown",
      `    default:
      return { kind: "quarantine", why: "unknown_status" };
  }
}

/** The session proves`,
      `    default:
      return { kind: "dead" };
  }
}

/** The session proves`,
      "a session status of tomorrow counts as dead",
    ],
    [
      "payment-status-unknown",
      `return intent.kind === "cancelable" ? graceForCustomer(context) ?? intent : intent;
    default:
      return { kind: "quarantine", why: "unknown_status" };`,
      `return intent.kind === "cancelable" ? graceForCustomer(context) ?? intent : intent;
    default:
      return { kind: "dead" };`,
      "a payment status of tomorrow counts as dead",
    ],
  ]),
];

/** What a reply of Stripe means. */
export const OUTCOME_FAULTS = faultsIn("functions/_shared/stripe/outcome.ts", [
  [
    "success-is-refusal",
    "object: reply.object, refused: false }",
    "object: reply.object, refused: true }",
    "a successful cancel is taken for a refusal",
  ],
  [
    "lock-is-throttle",
    `if (errorCode === "lock_timeout") return { kind: "busy" };`,
    "",
    "one customer's lock slows the whole shop down",
  ],
  [
    "wrong-key-quarantines",
    `return { kind: "stop", why: "key_rejected" };`,
    `return { kind: "quarantine", why: "refused_request" };`,
    "a revoked key sets every order aside",
  ],
  [
    "one-account-stops-all",
    `return errorCode === "account_invalid"`,
    `return errorCode !== "account_invalid"`,
    "one shop that left stops the run for all",
  ],
  [
    "not-found-is-unpaid",
    `return { kind: "quarantine", why: errorCode === "resource_missing" ? "payment_not_found" : "refused_request" };`,
    `return { kind: "reread" };`,
    "a wrong account's 404 is not told to anybody",
  ],
  [
    "in-progress-reread",
    `return { kind: "unknown", why: "call_in_progress" };`,
    `return { kind: "reread" };`,
    "a call that may still execute counts as refused",
  ],
  [
    "throttle-is-busy",
    `: { kind: "throttled" };`,
    `: { kind: "busy" };`,
    "a rate limit uses up an order's attempts",
  ],
  ["500-quarantines", "httpStatus >= 500)", "httpStatus > 500)", "a plain 500 sets orders aside"],
  ["key-mismatch-unseen", `if (errorType === "idempotency_error")`, "if (false)", "a reused key is read as a refusal"],
  [
    "400-rate-limit-unseen",
    `if (errorCode === "rate_limit")`,
    "if (false)",
    "an old-style rate limit sets orders aside",
  ],
  ["checkout-unseen", "if (ownedByCheckout)", "if (false)", "intents of Checkout are never ended"],
  ["refused-read-rereads", `call === "read" ||`, "", "a read that is invalid is repeated for ever"],
  [
    "refusal-is-success",
    '{ kind: "object", object, refused: true }',
    '{ kind: "object", object, refused: false }',
    "a refused cancel is taken for a success",
  ],
  [
    "timeout-is-refusal",
    `return { kind: "unknown", why: failure.kind };`,
    `return { kind: "reread" };`,
    "a cancel that may have worked counts as refused",
  ],
  [
    "unsent-is-unknown",
    `return { kind: "out_of_time" };`,
    `return { kind: "unknown", why: "timeout" };`,
    "the end of a run uses up an order's attempts",
  ],
]);
