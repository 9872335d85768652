import { type Fault, faultsIn } from "../fault.ts";

const PROTOCOL = "functions/_shared/protocol";
const CANCEL = [
  "unit/protocol/cancel_intent_test.ts",
  "unit/protocol/expire_session_test.ts",
  "unit/protocol/freshness_test.ts",
];
const THROUGH = ["unit/protocol/cancel_through_sessions_test.ts"];
const ORDER = [
  "unit/protocol/several_payments_test.ts",
  "unit/protocol/decision_test.ts",
  "unit/protocol/closed_orders_test.ts",
];
const ORDERS = ["unit/protocol/examine_orders_test.ts"];

/** Inspect, judge, cancel: one payment, one order, a batch. */
export const PROTOCOL_FAULTS: Fault[] = [
  ...faultsIn(`${PROTOCOL}/inspect-payment.ts`, CANCEL, [
    [
      "paid-record-forgotten",
      `const isContradicted = payment.state === "paid" &&`,
      "const isContradicted = false &&",
      "a payment recorded as paid is cancelled",
      ORDER,
    ],
    [
      "throttle-uses-attempts",
      `return { kind: "postponed", why: "throttled", until: later(clock.now(), policy.throttledRecheck) };`,
      `return { kind: "unclear", why: "throttled" };`,
      "a busy shop has its orders quarantined",
    ],
    [
      "lock-not-left-alone",
      "notBefore: later(clock.now(), policy.busyPause)",
      "notBefore: clock.now()",
      "a payment is cancelled while its customer pays",
    ],
    [
      "time-uses-attempts",
      `return { kind: "postponed", why: "out_of_time", until: clock.now() };`,
      `return { kind: "unclear", why: "out_of_time" };`,
      "the end of a run uses up an order's attempts",
    ],
  ]),
  ...faultsIn(`${PROTOCOL}/cancel-payment.ts`, CANCEL, [
    [
      "cancel-believed",
      "const assessment = assess(outcome.object);",
      `const assessment = { kind: "dead" } as const;`,
      "a cancel counts as done whatever Stripe answered",
    ],
    [
      "expire-believed",
      "const assessment = assessSession(outcome.object, assessContext(payment, context));",
      `const assessment = { kind: "dead" } as const;`,
      "an expired session counts as dead while its intent lives",
    ],
    [
      "sessions-intent-denied",
      "? assessIntentOfSession : assessIntent;",
      "? assessIntent : assessIntent;",
      "an intent of a session is taken for a stranger's",
    ],
    [
      "checkout-ignored",
      "if (outcome.byCheckout) return await throughSessions();",
      "",
      "intents of Checkout are asked about once more for nothing",
      THROUGH,
    ],
    [
      "refused-is-the-end",
      `if (again.assessment.kind === "cancelable") return await throughSessions();`,
      `if (again.assessment.kind === "cancelable") return resolveAfterCancel(again, { why: "end_refused", canceled: null });`,
      "intents of Checkout are never cancelled where Stripe does not say whose they are",
    ],
    [
      "key-outlives-its-try",
      "${attempt}.${history.tries}`",
      "${attempt}`",
      "a saved answer to the first try is replayed to the second",
    ],
    [
      "key-outlives-its-attempt",
      "${id}:${attempt}.${history.tries}`",
      "${id}:${history.tries}`",
      "a saved refusal is replayed for a day",
    ],
    ["jobs-share-a-key", "lapse:${idempotencyScope}:${id}", "lapse:${id}", "two jobs get each other's saved answers"],
    [
      "lost-reply-is-dead",
      "const again = creditLostReply(history, await inspectPayment(payment, context));",
      `const again = assessedPayment(payment, { outcome, assessment: { kind: "dead" }, canceled: "ended_reply_lost" });`,
      "an unknown outcome closes the order",
    ],
    [
      "lost-reply-for-ever",
      "history.unknown < MAX_UNKNOWN && history.tries < MAX_TRIES &&",
      "",
      "a payment whose replies get lost is cancelled again and again",
    ],
    [
      "one-lost-reply-is-enough",
      "const MAX_UNKNOWN = 2;",
      "const MAX_UNKNOWN = 1;",
      "a lost reply costs an order an attempt",
    ],
    [
      "old-look-after-a-pause",
      "if (isCrowded) history.tries -= 1;\n    return creditLostReply(history, await inspectPayment(payment, context));",
      `if (isCrowded) history.tries -= 1;\n    return { payment, canceled: null, evidence: {}, ownIntent: null, assessment: { kind: "cancelable", id: payment.stripeId, call: payment.kind === "checkout_session" ? "expire_session" : "cancel_intent" } };`,
      "a payment that had to wait is cancelled on an old look",
    ],
    [
      "throttled-for-ever",
      `(outcome.kind === "throttled" && history.tries < MAX_TRIES)`,
      `outcome.kind === "throttled"`,
      "a payment that Stripe's limit turns away is tried without end",
    ],
    ["crowd-uses-tries", "if (isCrowded) history.tries -= 1;", "", "a payment for which there was no room is given up"],
    ["lost-cancel-uncredited", "&& unknown > 0 ?", "&& unknown > 9 ?", "a cancel whose reply got lost is nobody's"],
    ["earlier-death-credited", "&& unknown > 0 ?", "&& unknown >= 0 ?", "what a customer cancelled is counted as ours"],
  ]),
  ...faultsIn(`${PROTOCOL}/cancel-payment.ts`, THROUGH, [
    [
      "session-money-unseen",
      `if (assessment.kind !== "cancelable" && assessment.kind !== "dead") {`,
      "if (false) {",
      "a paid session is expired",
    ],
    [
      "session-must-repeat",
      `assessContext({ source: "server" }, context)`,
      `assessContext({ source: "client" }, context)`,
      "an intent of Checkout is never cancelled where its session has no metadata",
    ],
    [
      "unclosable-retried",
      'found.object.some(({ status }) => status === "complete")',
      "false",
      "a payment nobody can cancel is tried forever",
    ],
    [
      "session-credit-lost",
      `if (outcome.kind === "object") canceled = "ended_by_run";`,
      `if (outcome.kind === "object") canceled = null;`,
      "intents cancelled through their session are not counted",
    ],
    [
      "expire-failure-ignored",
      `else if (outcome.kind !== "refused") {`,
      "else if (false) {",
      "a rejected key keeps asking",
    ],
  ]),
  ...faultsIn(`${PROTOCOL}/examine-order.ts`, ORDER, [
    [
      "large-order-unblamed",
      `step.reason === "out_of_time" && answered >= MANY_PAYMENTS`,
      "false",
      "an order with hundreds of payments uses up every run",
    ],
    [
      "small-order-blamed",
      "answered >= MANY_PAYMENTS",
      "answered > 0",
      "orders are blamed for the end of a run",
    ],
    ["dry-run-cancels", "state.stop === null && !dryRun) {", "state.stop === null) {", "a dry run cancels payments"],
    [
      "dead-asked-again",
      `.filter(({ state }) => state === "open" || (state === "paid" && !isClosed))`,
      "",
      "known answers cost calls",
    ],
    [
      "recorded-money-unasked",
      `state === "open" || (state === "paid" && !isClosed)`,
      `state === "open"`,
      "an order with recorded money is expired",
    ],
    [
      "held-order-inspected",
      `if (status === "unknown" && shopState === null) return [];`,
      "",
      "payments of an order that may be open are asked about and cost calls",
    ],
    [
      "old-look-believed",
      "if (next.payment.stripeId === state.latest) await cancel(next);\n    else await inspect(next.payment);",
      "await cancel(next);",
      "a payment authorised while another was cancelled is cancelled, too",
    ],
    [
      "grace-per-payment",
      `if (assessment.kind === "wait" && assessment.grants) state.order`,
      "if (false) state.order",
      "each payment of an order has its own grace",
    ],
    [
      "grace-unrecorded",
      "return { decision: { ...decisionOf(claimed, known), ...grants }, stop };",
      "return { decision: decisionOf(claimed, known), stop };",
      "an order has a new grace with every look",
    ],
    [
      "stop-ignored",
      `if (assessment.kind === "stop") state.stop = assessment.why;`,
      "",
      "a revoked key keeps asking",
    ],
    [
      "stop-forgets-what-was-done",
      `    payments.some(({ assessment }) => assessment.kind === "dead" || assessment.kind === "paid");`,
      "    false;",
      "what was cancelled before a stop is not counted",
    ],
    [
      "doubtful-intent-recorded",
      "assessed.set(intent.payment.stripeId, intent);",
      "",
      "an intent is recorded as a second payment although nobody could ask",
    ],
    [
      "closed-as-open",
      `claimed.status === "open" ? resolveOrder`,
      "true ? resolveOrder",
      "an order that is closed is decided again",
    ],
  ]),
  ...faultsIn(`${PROTOCOL}/examine-orders.ts`, ORDERS, [
    [
      "stop-does-not-stop",
      "batch.stop === null && batch.broken === null",
      "batch.broken === null",
      "a revoked key goes through the whole batch",
    ],
    [
      "broken-does-not-stop",
      "batch.stop === null && batch.broken === null",
      "batch.stop === null",
      "a database that fails is asked about the whole batch",
    ],
    ["halt-ignored", "!halted() && ", "", "a worker that is being retired begins orders"],
    ["deadline-ignored", " && clock.now() < deadline;", ";", "a run that is out of time begins orders"],
    [
      "database-blamed-on-orders",
      "if (concernsTheRun(error)) return void (batch.broken ??= { error });",
      "",
      "a failing database quarantines orders, one after the other",
    ],
    [
      "one-fault-stops-all",
      `decisions.set(order.ref, failedDecision(order, "internal_error"));`,
      "throw error;",
      "one order that breaks the program breaks the batch",
    ],
    [
      "wrong-key-quarantines",
      "if (payments.some(isUnknown)) decisions.delete(ref);",
      "",
      "a wrong key quarantines orders",
    ],
    ["wrong-key-goes-on", `batch.stop ??= "too_many_not_found";`, "", "a wrong key goes through all orders"],
    [
      "decided-handed-back",
      "orders.filter(({ ref }) => !decisions.has(ref))",
      "orders.filter(({ ref }) => decisions.has(ref))",
      "decided orders are handed back, and the others are lost",
    ],
    [
      "batch-at-once",
      "Array.from({ length: maxInFlight }, work)",
      "Array.from({ length: orders.length }, work)",
      "a batch has more orders in the middle than the pace can feed",
    ],
  ]),
  ...faultsIn(`${PROTOCOL}/key-check.ts`, ORDERS, [
    [
      "not-found-boundary",
      "unknown > MAX_UNKNOWN",
      "unknown >= MAX_UNKNOWN",
      "the limit of unknown payments is another one",
    ],
    ["left-shop-stops-all", "known === 0 && ", "", "orders of a shop that left stop every run"],
    [
      "list-proves-the-key",
      `if (payment.source === "list" || order.status === "unknown") return;`,
      "",
      "any key proves itself by its own payments",
    ],
    ["key-never-proven", "key.known += 1;", ";", "orders of a shop that left stop every run"],
    ["lost-access-uncounted", ` || reason === "account_access_lost";`, ";", "a key without access is not noticed"],
    [
      "read-proves-nothing",
      "return known > 0 || isProven;",
      "return isProven;",
      "payments of unknown orders are left alone by a key that has read hundreds",
      ["unit/protocol/closed_orders_test.ts"],
    ],
  ]),
];
