import { faultsIn } from "../fault.ts";

/** From findings to a decision, and the ending of payments on the way there. */
export const DECISION_FAULTS = [
  ...faultsIn("functions/_shared/stripe/decide-order.ts", [
    [
      "no-payment-guessed",
      "if (order.payments.length === 0)",
      "if (findings.length === 0)",
      "an order whose payments are dead is said to have had none",
    ],
    [
      "any-money-covers",
      `if (covered !== "short") {`,
      "if (paid.length > 0) {",
      "a tenth of the amount pays for an order",
    ],
    [
      "second-payment-left-open",
      `return { ...settled("paid", covered === "exceeded" ? "paid_twice" : "paid"), end: cancelable };`,
      `return settled("paid", covered === "exceeded" ? "paid_twice" : "paid");`,
      "a paid order can be paid again",
    ],
    [
      "quarantine-overruled",
      "if (quarantined.length > 0)",
      "if (quarantined.length > 1)",
      "an order is closed over a payment nobody understands",
    ],
    [
      "unclear-overruled",
      "if (unclear.length > 0)",
      "if (unclear.length > 1)",
      "an order is closed over a payment that could not be read",
    ],
    [
      "part-payment-lost",
      `if (paid.length > 0) return settled("quarantined", "amount_mismatch");`,
      "",
      "an order with part of its money is closed",
    ],
    ["waiting-overruled", "if (next) {", "if (false) {", "an order is closed while a payment is on its way"],
    [
      "latest-wait-wins",
      "a.standing.until.getTime() - b.standing.until.getTime()",
      "b.standing.until.getTime() - a.standing.until.getTime()",
      "an order is looked at too late",
    ],
    [
      "own-intent-counts-twice",
      `eachMoneyOnce(ofKind(findings, "paid"))`,
      `ofKind(findings, "paid")`,
      "a session and its own intent are told as a double payment",
    ],
    [
      "exact-amount-short",
      "received < order.amount",
      "received <= order.amount",
      "an order paid to the cent is set aside",
    ],
    [
      "any-currency-covers",
      "paid.filter(({ currency }) => currency === order.currency)",
      "paid.filter(() => true)",
      "yen pay for euros",
    ],
    [
      "exact-sum-is-twice",
      "received > order.amount ||",
      "received >= order.amount ||",
      "two halves raise the alarm of a double payment",
    ],
    [
      "foreign-surplus-unseen",
      " || own.length < paid.length)",
      ")",
      "a second payment in another currency is not told",
    ],
    [
      "earliest-retry-wins",
      "Math.max(...moments)",
      "Math.min(...moments)",
      "a locked payment is asked again too early",
    ],
    [
      "reason-by-chance",
      "why < first ? why : first",
      "why > first ? why : first",
      "the reason of an order is another one than its rule says",
    ],
    [
      "nothing-ended",
      `return { ...settled("expired", "all_dead"), end: cancelable };`,
      `return settled("expired", "all_dead");`,
      "an order is closed while its payments live",
    ],
  ]),
  ...faultsIn("functions/_shared/stripe/end-payment.ts", [
    [
      "cancel-believed",
      `if (standing.kind === "dead") return findingOf(payment, { reply, standing, ended: "ended_by_run" });
      return unlessCancelable(await lookAt(payment, context), { why: "end_refused", ended: "ended_by_run" });`,
      `return findingOf(payment, { reply, standing: { kind: "dead" }, ended: "ended_by_run" });`,
      "a 200 that shows a living payment counts as dead",
    ],
    [
      "refusal-not-judged",
      "if (outcome.refused) {",
      "if (false) {",
      "a refusal that carries money is looked at as a success",
    ],
    [
      "refused-cancelable-kept",
      `return standing.kind === "cancelable"
          ? endThroughSessions(payment, { ...context, intentId: id })
          : findingOf(payment, { reply, standing });`,
      "return findingOf(payment, { reply, standing });",
      "a refused payment is tried without end",
    ],
    [
      "session-rule-for-intents",
      `payment.kind === "checkout_session" ? judgeOwnIntent : judgeIntent`,
      `payment.kind === "payment_intent" ? judgeOwnIntent : judgeIntent`,
      "an intent of a session is taken for a stranger's",
    ],
    [
      "reread-skipped",
      `return again.standing.kind === "cancelable" ? endThroughSessions(payment, { ...context, intentId: id }) : again;`,
      "return again;",
      "a refused payment is tried without end",
    ],
    [
      "checkout-ignored",
      `case "owned_by_checkout":
      return endThroughSessions(payment, { ...context, intentId: id });`,
      `case "owned_by_checkout":
      return unlessCancelable(await lookAt(payment, context), { why: "end_refused", ended: null });`,
      "intents of Checkout are never ended",
    ],
    [
      "lost-cancel-uncounted",
      `return endThroughSessions(payment, { ...context, intentId: id });
    case "unknown":
      return unlessCancelable(await lookAt(payment, context), { why: outcome.why, ended: "ended_reply_lost" });`,
      `return endThroughSessions(payment, { ...context, intentId: id });
    case "unknown":
      return unlessCancelable(await lookAt(payment, context), { why: outcome.why, ended: null });`,
      "a cancel whose answer got lost is nobody's",
    ],
    [
      "lost-cancel-is-dead",
      `return endThroughSessions(payment, { ...context, intentId: id });
    case "unknown":
      return unlessCancelable(await lookAt(payment, context), { why: outcome.why, ended: "ended_reply_lost" });`,
      `return endThroughSessions(payment, { ...context, intentId: id });
    case "unknown":
      return findingOf(payment, { reply, standing: { kind: "dead" }, ended: "ended_reply_lost" });`,
      "an unknown outcome closes the order",
    ],
    [
      "expire-believed",
      "const standing = judgeExpanded(outcome.object, verdictContext(payment, context));",
      `const standing: Verdict = { kind: "dead" };`,
      "an expired session counts as dead while its intent lives",
    ],
    [
      "lost-expire-is-dead",
      `{ why: "end_refused", ended: null });
    case "unknown":
      return unlessCancelable(await lookAt(payment, context), { why: outcome.why, ended: "ended_reply_lost" });`,
      `{ why: "end_refused", ended: null });
    case "unknown":
      return findingOf(payment, { reply, standing: { kind: "dead" }, ended: "ended_reply_lost" });`,
      "an unknown outcome closes the order",
    ],
  ]),
  ...faultsIn("functions/_shared/stripe/ending.ts", [
    [
      "still-cancelable-again",
      `return { ...again, standing: { kind: "unclear", why } };`,
      "return again;",
      "a run tries the same payment without end",
    ],
    ["dead-uncredited", "return { ...again, ended };", "return again;", "cancelled payments are not counted"],
    [
      "key-outlives-attempt",
      "`lapse:${stripeId}:${order.attempt}`",
      "`lapse:${stripeId}`",
      "a saved refusal is replayed for a day",
    ],
  ]),
  ...faultsIn("functions/_shared/stripe/end-through-sessions.ts", [
    [
      "session-money-unseen",
      `if (standing.kind !== "cancelable" && standing.kind !== "dead") {`,
      "if (false) {",
      "a paid session is expired",
    ],
    [
      "unclosable-retried",
      `if (again.standing.kind === "cancelable" && sessions.some((session) => session.status === "complete")) {`,
      "if (false) {",
      "a payment nobody can end is tried for ever",
    ],
    [
      "session-may-deny",
      "{ order_id: order.id, ...session.metadata }",
      "{ ...session.metadata, order_id: order.id }",
      "another order's session is expired",
    ],
  ]),
  ...faultsIn("functions/_shared/stripe/finding.ts", [
    [
      "paid-record-forgotten",
      `payment.state === "paid" && (standing.kind === "dead" || standing.kind === "cancelable")`,
      "false",
      "a payment recorded as paid is ended",
    ],
    [
      "throttle-uses-attempts",
      `return { kind: "wait", why: "throttled", until: later(clock(), policy.throttledRecheck) };`,
      `return { kind: "unclear", why: "throttled" };`,
      "a busy shop sets its orders aside",
    ],
    [
      "lock-not-left-alone",
      "notBefore: later(clock(), policy.busyPause)",
      "notBefore: clock()",
      "a payment is ended while its customer pays",
    ],
    [
      "unexpanded-judged",
      `isExpanded(session) ? judgeSession(session, context) : { kind: "unclear", why: "bad_reply" }`,
      `judgeSession({ ...session, payment_intent: null }, context)`,
      "a session is judged without its money",
    ],
  ]),
  ...faultsIn("functions/_shared/stripe/examine-order.ts", [
    ["dry-run-ends", "next && !context.dryRun;", "next;", "a dry run cancels payments"],
    ["dead-asked-again", `if (payment.state === "dead") continue;`, "", "known answers cost calls"],
    [
      "stop-forgets-ended",
      `const isWorthKeeping = step.outcome === "paid" || findings.some(hasEnded);`,
      `const isWorthKeeping = step.outcome === "paid";`,
      "what was cancelled before a stop is not counted",
    ],
    [
      "stop-forgets-money",
      `const isWorthKeeping = step.outcome === "paid" || findings.some(hasEnded);`,
      "const isWorthKeeping = findings.some(hasEnded);",
      "money found before a stop is not settled",
    ],
    [
      "late-forgets-ended",
      `step.reason === "out_of_time" && !known.some(hasEnded)`,
      `step.reason === "out_of_time"`,
      "what was cancelled at the end of a run is not counted",
    ],
    [
      "stop-ignored-on-read",
      `if (finding.standing.kind === "stop") return { decision: null, stop: finding.standing.why };`,
      "",
      "a revoked key goes on asking",
    ],
  ]),
  ...faultsIn("functions/_shared/stripe/examine-orders.ts", [
    [
      "stop-does-not-stop",
      "while (stop === null && ",
      "while (",
      "a revoked key goes through the whole batch",
    ],
    [
      "database-blamed-on-orders",
      "if (concernsTheRun(error)) return void (broken ??= { error });",
      "",
      "a failing database sets orders aside, one after the other",
    ],
    ["stop-not-told", "stop ??= examined.stop;", "", "a revoked key goes through the whole batch"],
    [
      "wrong-key-sets-aside",
      "if (payments.some(isUnknown)) decisions.delete(orderId);",
      "",
      "a wrong key sets orders aside",
    ],
    [
      "wrong-key-goes-on",
      `stop ??= "too_many_not_found";`,
      "",
      "a wrong key goes through all orders",
    ],
    [
      "evidence-uncollected",
      "collectEvidence(evidence, examined.decision?.payments ?? []);",
      "",
      "a wrong key sets orders aside",
    ],
    [
      "one-fault-stops-all",
      'decisions.set(order.id, failedDecision(order, "internal_error"));',
      "throw error;",
      "one order that breaks the program breaks the batch",
    ],
    [
      "touched-handed-back",
      ".filter(({ id }) => !decisions.has(id))",
      ".filter(({ id }) => decisions.has(id))",
      "decided orders are handed back",
    ],
  ]),
  ...faultsIn("functions/_shared/stripe/key-evidence.ts", [
    [
      "not-found-boundary",
      "unknown > MAX_UNKNOWN",
      "unknown >= MAX_UNKNOWN",
      "the limit of unknown payments is another one",
    ],
    ["shop-that-left-stops-all", "known === 0 && ", "", "orders of a shop that left stop every run"],
    ["key-never-proven", "evidence.known += 1;", ";", "orders of a shop that left stop every run"],
    ["access-lost-uncounted", ` || reason === "account_access_lost";`, ";", "a key without access is not noticed"],
  ]),
  ...faultsIn("functions/_shared/stripe/retry.ts", [
    [
      "calls-after-deadline",
      `if (clock() >= deadline) return { ok: false, failure: blankFailure("not_sent") };`,
      "",
      "a run that is out of time goes on calling",
    ],
    [
      "unsent-hides-the-answer",
      `if (last !== null && !reply.ok && reply.failure.kind === "not_sent") return last;`,
      "",
      "a cancel that may have been executed is forgotten",
    ],
    ["unknown-end-repeated", "++unknownEnds > 1", "++unknownEnds > 9", "a saved 500 is asked for again and again"],
    [
      "retry-past-deadline",
      "if (clock().getTime() + delay >= deadline.getTime()) return reply;",
      "",
      "a retry outlives its run",
    ],
  ]),
];
