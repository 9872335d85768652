import { faultsIn } from "../fault.ts";

const DOUBTFUL = ["tests/integration/cleanup/unknown_payments_test.ts"];
const RUN = ["tests/unit/cleanup/run_test.ts"];
const DECIDES = ["tests/integration/cleanup/what_it_decides_test.ts"];
const BRAKE = ["tests/integration/cleanup/brake_test.ts"];
const DRY = ["tests/integration/cleanup/dry_run_test.ts"];
const PROGRESS = ["tests/integration/cleanup/progress_test.ts"];

/** In what only the clean-up does. */
export const CLEANUP_FAULTS = [
  ...faultsIn("functions/cleanup-stale-payment-intents/guarded.ts", [
    [
      "database-blamed-on-payments",
      "if (concernsTheRun(error)) throw error;",
      "",
      "a failing database is noted against each payment",
      ["tests/integration/cleanup/budget_failure_test.ts"],
    ],
  ]),
  ...faultsIn("functions/cleanup-stale-payment-intents/look-at-payments.ts", [
    [
      "doubt-ignored",
      "isKeyDoubtful(evidence) ? await proveKey(cleanup) ?? looked : looked",
      "looked",
      "with another account's key all payments are given up as lost",
      DOUBTFUL,
    ],
    [
      "doubt-without-proof",
      "await proveKey(cleanup) ?? looked",
      `{ kind: "stopped", why: "too_many_not_found" }`,
      "a hundred payments of an account that is gone hide all others for ever",
      DOUBTFUL,
    ],
  ]),
  ...faultsIn("functions/cleanup-stale-payment-intents/prove-key.ts", [
    [
      "any-list-proves",
      "evidence.known += known.filter(({ order }) => order !== null).length;",
      "evidence.known += known.length;",
      "an account whose payments look like the shop's proves another account's key",
      DOUBTFUL,
    ],
    [
      "unread-list-proves",
      `if ("kind" in read) return read;`,
      `if ("kind" in read) return null;`,
      "with another account's key all payments are given up as lost while Stripe is down",
      DOUBTFUL,
    ],
    [
      "nothing-to-prove",
      "absent && cleanup.progress.evidence.known === 0",
      "false",
      "with another shop's key its customers' payments are ended",
      DOUBTFUL,
    ],
  ]),
  ...faultsIn("functions/cleanup-stale-payment-intents/in-flight.ts", [
    [
      "failure-ends-nothing",
      "if (failures.length > 0) return;",
      "",
      "a run that failed goes on calling Stripe",
      ["tests/unit/cleanup/in_flight_test.ts"],
    ],
  ]),
  ...faultsIn("functions/cleanup-stale-payment-intents/ask-for-sessions.ts", [
    [
      "own-session-unasked",
      "(it) => mayBeOwnIntent(it) ? ask(it, cleanup) : Promise.resolve(it)",
      "(it) => Promise.resolve(it)",
      "nobody ever learns whose an attached intent is",
      ["tests/integration/session_and_intent_test.ts"],
    ],
    [
      "answer-not-kept",
      "evidence: { ...finding.evidence, session: own }",
      "evidence: finding.evidence",
      "the database calls a session and its intent a double payment",
      ["tests/integration/session_and_intent_test.ts"],
    ],
  ]),
  ...faultsIn("functions/_shared/stripe/same-money.ts", [
    [
      "own-session-unread",
      "told.sessions.includes(payer.stripeId)",
      "false",
      "an attached intent is told as a second payment beside its own session",
      ["tests/unit/cleanup/decide_stale_payment_test.ts"],
    ],
    [
      "known-intent-asked",
      "if (payer.intent !== null) return payer.intent === stripeId;",
      "",
      "Stripe is asked what the database knows",
      ["tests/unit/cleanup/decide_stale_payment_test.ts"],
    ],
    [
      "own-intent-unread",
      "told.intent === payer.stripeId",
      "false",
      "an attached session is told as a second payment beside its own intent",
      ["tests/unit/cleanup/decide_stale_payment_test.ts"],
    ],
  ]),
  ...faultsIn("functions/cleanup-stale-payment-intents/cleanup.ts", [
    [
      "keys-shared-by-jobs",
      `keyedGateway(ports.gateway, "cleanup")`,
      "ports.gateway",
      "the clean-up gets the answer that Stripe saved for the other job",
      RUN,
    ],
    [
      "keys-shared-by-runs",
      "attempt: orders.lease?.fence ?? 0,",
      "attempt: 1,",
      "a saved 500 of last week is this week's answer",
      RUN,
    ],
    [
      "absent-order-covered",
      `amount: order?.amount ?? Number.MAX_SAFE_INTEGER,
        currency: order?.currency ?? "",`,
      `amount: order?.amount ?? 0,
        currency: order?.currency ?? "eur",`,
      "a payment of no order passes for fully paid",
      RUN,
    ],
    ["limit-ignored", "endsLeft: orders.limit", "endsLeft: 1e9", "an operator who asked for one gets all ended", DRY],
  ]),
  ...faultsIn("functions/cleanup-stale-payment-intents/cleanup-stale-payment-intents.ts", [
    [
      "due-by-now",
      "steps.stalePayments({ dueBy, limit: BATCH })",
      "steps.stalePayments({ dueBy: clock.now(), limit: BATCH })",
      "a run meets what it put on the revisit list again and again",
      RUN,
    ],
    [
      "known-only",
      "await workOnKnownPayments(cleanup) ?? await sweep(cleanup)",
      "await workOnKnownPayments(cleanup)",
      "payments that the shop never recorded are never looked at",
      DECIDES,
    ],
    [
      "stopped-goes-on",
      `workLeft: false };
    case "braked":`,
      `workLeft: true };
    case "braked":`,
      "a run that Stripe stopped is continued without end",
      RUN,
    ],
    [
      "out-of-time-is-over",
      `{ status: "partial", error: "Time ran out before the work did", workLeft: true }`,
      `{ status: "succeeded", error: null, workLeft: false }`,
      "a sweep that was cut off ends as done",
      PROGRESS,
    ],
    [
      "unclear-is-fine",
      "return progress.unclear > 0",
      "return false",
      "payments that could not be read look like a success",
      RUN,
    ],
  ]),
  ...faultsIn("functions/cleanup-stale-payment-intents/sweep.ts", [
    [
      "cursor-of-the-readable",
      "cursor: lastId ?? after,",
      "cursor: intents.at(-1)?.id ?? after,",
      "a page of payments that cannot be read is read for ever",
      RUN,
    ],
    [
      "listed-looked-at-again",
      ".filter(({ payment }) => payment.listed === null)",
      "",
      "a protected payment is looked at twice by each run",
      RUN,
    ],
    [
      "account-unproven",
      "if (unproven) return unproven;",
      "",
      "with another shop's key its customers' payments are ended",
      DOUBTFUL,
    ],
    [
      "unread-left-out",
      "...await lookAtUnread(read.malformed.map(unread), cleanup),",
      "",
      "a payment that cannot be read in a list is never looked at",
      RUN,
    ],
    [
      "sweep-past-its-time",
      "if (clock.now() >= deadline.claim) return",
      "if (false) return",
      "a sweep works until the platform kills it",
      PROGRESS,
    ],
    [
      "sweep-past-its-end",
      "    if (end) return end;\n    if (page.finished)",
      "    if (page.finished)",
      "a run that met the brake or its limit sweeps on",
      [...BRAKE, ...DRY],
    ],
  ]),
  ...faultsIn("functions/cleanup-stale-payment-intents/look-at-page.ts", [
    [
      "other-mode-is-own",
      " && intent.livemode === gateway.livemode ?",
      " ?",
      "payments of live mode are judged with a test key",
      RUN,
    ],
    [
      "any-text-is-own",
      "UUID.test(orderId) &&",
      "",
      "a payment of another system with an order_id of its own fails the whole page",
      RUN,
    ],
  ]),
  ...faultsIn("functions/cleanup-stale-payment-intents/keyed-gateway.ts", [
    [
      "sessions-share-keys",
      "    expireSession: (ref, key) => gateway.expireSession(ref, keyed(key)),\n",
      "",
      "the clean-up gets the answer about a session that Stripe saved for the other job",
      RUN,
    ],
  ]),
  ...faultsIn("functions/cleanup-stale-payment-intents/work-on-payments.ts", [
    [
      "stop-ignored",
      `if (standing.kind === "stop") return { kind: "stopped", why: standing.why };`,
      "",
      "a run whose key was revoked asks on, once for each payment",
      RUN,
    ],
    [
      "brake-ends-nothing",
      `if (braked) return { kind: "braked" };`,
      "",
      "a run that met the brake goes on",
      BRAKE,
    ],
    [
      "open-ended-too",
      "isCancelable(it.finding) && isClosed(it.payment)",
      "isCancelable(it.finding)",
      "the payment of an order that is still open is ended",
      DECIDES,
    ],
    [
      "more-than-the-limit",
      "const chosen = endable.slice(0, progress.endsLeft);",
      "const chosen = endable;",
      "an operator who asked for one gets all ended",
      DRY,
    ],
    [
      "ended-unplanned",
      "await steps.planEnds(chosen.map(({ payment }) => payment))",
      "true",
      "the clean-up knows no brake, and a run that dies loses what it ended",
      BRAKE,
    ],
    [
      "unclear-uncounted",
      `if (finding.standing.kind === "unclear") progress.unclear += 1;`,
      "",
      "a run in which nothing could be read has succeeded",
      RUN,
    ],
    [
      "hold-ended-unseen",
      "finding.capturesByHand ? await lookAt(finding.payment, look) : finding",
      "finding",
      "a hold that the customer gave after the page was read is released",
      ["tests/unit/cleanup"],
    ],
  ]),
  ...faultsIn("migrations/20261128090000_inspect_unsettled_payments.sql", [
    [
      "listed-left-out",
      "where k.listed is not null\n    or ",
      "where ",
      "a payment on the revisit list stays there for ever",
    ],
    [
      "other-order-left-out",
      "(k.payment ->> 'orderId')::uuid is distinct from k.order_id\n    or case",
      "case",
      "a payment that names another order than the one it is recorded for goes unnoticed",
    ],
    [
      "paid-by-open-order",
      " or k.payment #>> '{order,status}' is distinct from 'paid'",
      "",
      "money of an open order goes unnoticed",
    ],
    [
      "dead-but-succeeded",
      "when 'succeeded' then k.payment ->> 'recordedState' is distinct from 'paid' or",
      "when 'succeeded' then k.payment ->> 'recordedState' is null or",
      "money of a payment that is recorded dead goes unnoticed",
    ],
    [
      "open-but-canceled",
      "when 'canceled' then k.payment ->> 'recordedState' is distinct from 'dead'",
      "when 'canceled' then false",
      "a payment recorded as paid that Stripe canceled goes unnoticed",
    ],
  ]),
];
