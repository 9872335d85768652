import { faultsIn } from "../fault.ts";

const DOUBTFUL = ["tests/integration/cleanup/unknown_payments_test.ts"];

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
  ...faultsIn("functions/cleanup-stale-payment-intents/work-on-payments.ts", [
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
