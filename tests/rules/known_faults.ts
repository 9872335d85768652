/**
 * What went wrong in the first version of Lapse, in other people's hands: bugs of such jobs that were reported in public, and tries to
 * break it. Each row is a class of faults, with the tests that prevent it and the related faults that were checked.
 *
 * The code that failed is gone, so no test can be run on it. `planted` names faults of tests/mutation that bring the class back, each of
 * which a test has noticed; a row without one says in `seen` what was broken manually to see the test fail. tests/rules/known_faults_test.ts
 * checks that every file, test and planted fault exists.
 */
export type KnownFault = {
  input: string;
  right: string;
  /** A file below tests/, and words of the test's name in it. A file of SQL tests is one test. */
  tests: [file: string, words?: string][];
  relatives: string;
  planted?: string[];
  seen?: string;
};

export const MONEY_AND_STOCK: KnownFault[] = [
  {
    input: "a backup; customers attach and pay; the backup is restored, and the runbook followed",
    right: "the gap is read from Stripe's lists first, and the order is found paid",
    tests: [["faults/restored_backup_test.ts", "nothing expires that was paid or could be paid since"]],
    relatives:
      "paid at Checkout, webhook lost, debit under way, card held, intent and session left open; orders due for hours; a list that another job has read",
    planted: ["lists-unread", "close-ignores-lists", "close-by-an-old-list", "claim-by-an-old-list"],
  },
  {
    input: "a succeeded intent with the order's metadata that nobody attached, beside an open session of the order",
    right: "the order is paid: one call tells whose the intent is, and what one job knows the other uses",
    tests: [
      ["integration/unattached_payments_test.ts", "an unattached intent beside an open session belongs to its order"],
      ["integration/session_and_intent_test.ts", "asks Stripe once whether the attached intent is that of the session"],
    ],
    relatives: "the clean-up finds it first; the intent is the session's own; the session is the one nobody attached",
    planted: ["lists-unread", "session-guessed"],
  },
  {
    input: "the same, unpaid, when the order falls due",
    right: "it is recorded, and cancelled before the order closes",
    tests: [
      ["integration/unattached_payments_test.ts", "an unattached intent beside an open session belongs to its order"],
      ["integration/unattached_payments_test.ts", "paid ones pay their order, open ones are cancelled first"],
      ["database/record_listed/a_listed_payment_keeps_its_order_from_closing_uninspected.test.sql"],
    ],
    relatives: "a session; one on a connected account; a list that cannot be read; an order that nobody watched",
    planted: ["claim-ignores-lists", "payments-uncounted"],
  },
  {
    input: "a voucher is issued, or a hold authorised, a second after Lapse looked, in a batch of a hundred",
    right: "it is seen: at most one round trip is unguarded",
    tests: [
      ["unit/stripe/customers_in_a_rush_test.ts", "are cancelled within one round trip or never"],
      ["unit/protocol/freshness_test.ts", "every cancel directly follows a read of its own payment"],
    ],
    relatives:
      "several payments of one order; while Stripe refuses for rate; at a pace beyond one endpoint's limit; sessions",
    planted: ["old-look-believed", "old-look-after-a-pause"],
  },
  {
    input: "a full refund in the Dashboard, its webhook lost; the order falls due",
    right: "refunded is not paid: the stock is released",
    tests: [
      ["unit/rules/assess_intent_test.ts", "refunded in full is dead, and says why"],
      ["faults/fifteen_bugs/wrong_scope_test.ts", "refunded in part"],
      ["database/refunds/refunded_money_no_longer_counts.test.sql"],
    ],
    relatives:
      "refunded in part; disputed; paid through a session; told by a webhook; a report that comes after the refund",
    planted: ["refunded-is-paid", "part-refund-unseen", "refunded-and-paid-again"],
  },
  {
    input: "two halves of 21 for an order of 42, the second told by webhook",
    right: "paid, and nobody is told to refund",
    tests: [
      ["database/settle_orders/two_halves_of_the_amount_are_not_a_double_payment.test.sql"],
      ["integration/session_and_intent_test.ts", "an order paid in two halves stays open after the first"],
    ],
    relatives:
      "both found by a run; a session and its own intent; an unknown amount; another currency; a quarantined order",
    planted: ["two-halves-are-twice", "parts-are-twice"],
  },
  {
    input: "the order's uuid in capitals in Stripe's metadata",
    right: "the same order",
    tests: [
      ["integration/kinds_of_orders_test.ts", "metadata that spells the order's id in capitals names the same order"],
      ["database/watch_order/a_uuid_in_capitals_is_the_same_uuid.test.sql"],
    ],
    relatives: "in the list, in a report of money, in an attachment, on the command line; a key that only looks alike",
    planted: ["capitals-are-another-order", "capitals-unread", "capitals-watched-twice", "any-case-is-the-same"],
  },
  {
    input: "one intent attached to two orders, with and without its account",
    right: "the second attachment is refused",
    tests: [["database/attach_payment/repeating_is_harmless_and_a_payment_has_one_order.test.sql"]],
    relatives: "named by another order's row; found in the list under another name; noted by trigger; reported paid",
    planted: ["payment-changes-its-order", "foreign-name-ignored", "paid-by-anothers"],
  },
  {
    input: "a payment's row is deleted by hand",
    right: "refused",
    tests: [
      ["integration/shop_decides_test.ts", "a payment in the ledger cannot be deleted"],
      ["database/payments/a_payments_state_is_final_and_rests_on_evidence.test.sql"],
    ],
    relatives: "the table truncated; the payment moved to another order; its state set back; the order's row truncated",
    planted: ["payment-deleted-by-hand", "ledger-emptied-by-hand"],
  },
  {
    input: "an amount of 0; cash; a gift card",
    right: "never expired as unpaid, and there is a way to paid",
    tests: [
      ["integration/kinds_of_orders_test.ts", "an order over 0 never expires as unpaid"],
      ["database/close_without_payments/an_order_over_0_never_expires_as_unpaid.test.sql"],
      ["database/follow_order/the_ledger_follows_what_the_shop_closed.test.sql"],
      [
        "integration/leaving_quarantine_test.ts",
        "a quarantined order that is resolved as paid is paid in the shop too",
      ],
    ],
    relatives:
      "a session that asked for nothing; an unknown amount; closed by the shop while a run holds it, or without a trigger",
    planted: ["nothing-expires", "nothing-expires-as-unpaid", "free-order-charged"],
  },
  {
    input: "paid in one tab, another payment open in a second",
    right: "the other one is cancelled at once",
    tests: [
      [
        "integration/shop_decides_test.ts",
        "the second open payment of an order that a webhook paid is cancelled by the next tick",
      ],
      ["integration/webhook_test.ts", "and the other payments are cancelled"],
      ["database/mark_paid/leftover_payments_of_a_paid_order_fall_due_at_once.test.sql"],
    ],
    relatives: "an open session; paid by the shop itself; cancelled by the shop; resolved by an operator; revived",
    planted: ["second-left-open", "leftovers-not-due", "cancelled-not-due"],
  },
  {
    input: "sample shop: the same order id is placed again with other items",
    right: "PT409",
    tests: [["database/place_order/placing_the_same_order_again_returns_it_and_reserves_once.test.sql"]],
    relatives: "another amount, currency, quantity; one article more; the same items in two lines; at the same moment",
    seen: "the comparison of items taken out of public.place_order",
  },
];

export const STUCK_OR_SILENT: KnownFault[] = [
  {
    input: "220 intents or 200 sessions on one order, 250 to 300 ms each",
    right: "progress is kept or the order is quarantined, alone; attachments are bounded",
    tests: [
      ["integration/many_payments_test.ts", "an order with more payments than a run has time for is quarantined alone"],
      ["unit/protocol/several_payments_test.ts", "no time after ten answers of which nothing can be kept"],
      ["database/attach_payment/only_a_pending_order_takes_a_payment.test.sql"],
    ],
    relatives: "found in the list, which has no bound; payments that are dead already; an order cut off at a run's end",
    planted: ["any-number-of-payments", "large-order-unblamed"],
  },
  {
    input: "an order is handed back, whatever the reason",
    right: "how long it has waited counts from the deadline",
    tests: [
      ["platform/watch/run_alerts_test.ts", "an order that is handed back repeatedly still becomes overdue"],
      ["database/settle_orders/an_order_handed_back_is_as_if_never_claimed.test.sql"],
    ],
    relatives:
      "a failed attempt; a redrive; a claim that lapsed; an order locked in the shop; one given back by an operator",
    planted: ["handing-back-forgets-since-when", "held-forgets-since-when", "waiting-since-now"],
  },
  {
    input: "1,100 debits in `processing`",
    right: "looked at again spread over time, and the brake counts first looks only",
    tests: [
      ["database/settle_orders/waits_have_bounds_and_jitter.test.sql"],
      ["database/begin_run/the_brake_counts_what_is_due_for_the_first_time.test.sql"],
      ["integration/brake_and_dry_run_test.ts", "rechecked orders do not count for the brake"],
    ],
    relatives: "orders that failed together; what the clean-up looks at again; what a stopped run handed back",
    planted: ["waits-in-step", "retries-in-step", "rechecks-meet-the-brake", "cleanup-rechecks-meet-the-brake"],
  },
  {
    input: "a released brake, one order that never finishes, and 3,000 more that fall due later",
    right: "a release covers what was due when it was given",
    tests: [
      ["database/begin_run/the_brake_counts_what_is_due_for_the_first_time.test.sql"],
      ["integration/brake_and_dry_run_test.ts", "a release covers what was due when it was given"],
      ["platform/watch/order_alerts_test.ts", "the watch does not raise a brake again that an operator released"],
    ],
    relatives: "continuations; runs that the watch resumes; the switch; what the shop's triggers noted a moment ago",
    planted: ["release-covers-nothing", "release-forgotten", "notes-pass-the-brake"],
  },
  {
    input: "one article is locked for hours; of twelve orders eleven are of other articles",
    right: "the others close, and an alert comes within half an hour",
    tests: [
      ["faults/refused_orders_test.ts", "orders of other articles expire as usual"],
      ["platform/watch/long_trouble_test.ts", "a locked article raises L008"],
      ["unit/expire/refused_orders_test.ts", "an order that waits for a lock is handed back alone"],
    ],
    relatives:
      "orders without payments behind a locked one; the order's own row; all articles; a slow statement; a slow trigger",
    planted: ["locked-article-stops-the-others", "oldest-order-holds-up-the-rest", "waiting-order-comes-first"],
  },
  {
    input: "Stripe refuses for concurrency for hours",
    right: "an alert, and a slower pace",
    tests: [
      ["integration/stripe_trouble_test.ts", "while Stripe refuses for concurrency, orders wait"],
      ["unit/stripe/pace_test.ts", "a refusal for concurrency also slows the pace"],
    ],
    relatives: "refusals for rate; of lists; a lock on one object, which is neither; the webhook's share",
    planted: ["concurrency-is-rate", "concurrency-only-narrows", "throttles-unseen"],
  },
  {
    input: "paid short or partly captured, refunded as the runbook says, and redriven",
    right: "a way out",
    tests: [
      ["integration/leaving_quarantine_test.ts", "paid short, then refunded"],
      ["integration/leaving_quarantine_test.ts", "partly captured, then refunded"],
    ],
    relatives:
      "every reason of a quarantine: given back in part, ids that never existed, vouchers, disputes won and lost",
    planted: ["refunded-is-paid", "redrive-anything", "declared-and-forgotten"],
  },
  {
    input: "one quarantined order with an open alert, then sixty, then a hundred more",
    right: "told again as it grows",
    tests: [
      ["platform/watch/webhook_test.ts", "one quarantined order, then sixty, then a hundred more: each step is sent"],
      ["platform/watch/webhook_test.ts", "an alert is sent again when its count doubles, and every day"],
    ],
    relatives: "a warning that becomes critical; refunds that wait; payments that process; a webhook that was down",
    planted: ["worse-untold", "told-once"],
  },
  {
    input: "the slot is missed, and the schedule switched on by the runbook's own statement",
    right: "the slot is made up for, and the alert stays until a run completes",
    tests: [
      [
        "platform/watch/run_alerts_test.ts",
        "a slot that passes while the job is paused raises L001 when the job is resumed",
      ],
      ["platform/watch/run_alerts_test.ts", "a missed slot keeps L001 open until a run completes"],
    ],
    relatives:
      "paused and resumed by hand; a slot that moved; an outage over the change of the clocks; beyond the catch-up",
    planted: ["late-while-paused", "moved-slot-is-made-up-for", "slot-before-it-was-enabled"],
  },
  {
    input: "three answers of 503 at the weekly slot",
    right: "repeated, until a run does the work",
    tests: [
      ["platform/watch/lost_runs_test.ts", "after three answers of 503 at the weekly slot"],
      ["faults/weekly_slot_test.ts", "its work is done by the retry after an hour, in the same slot"],
    ],
    relatives: "a request that got lost; a run that failed, died, or met another one; a continuation that got lost",
    planted: ["lost-start-waits", "chains-not-resumed"],
  },
  {
    input: "a new payment in 3-D Secure before each grace ends",
    right: "one grace per order",
    tests: [
      ["integration/races_test.ts", "a customer found in 3-D Secure gets one grace, and only one"],
      ["database/settle_orders/the_extra_grace_is_remembered.test.sql"],
    ],
    relatives: "a session; a redirect; a second run; a payment attached meanwhile; a closed order, which gets none",
    planted: ["grace-per-payment", "grace-renewed", "grace-unrecorded"],
  },
  {
    input: "`processing` for sixty days",
    right: "an alert after a bound",
    tests: [
      ["platform/watch/order_alerts_test.ts", "a payment that has been processing for two weeks raises L021"],
      ["database/settle_orders/the_start_of_processing_is_kept.test.sql"],
    ],
    relatives: "a voucher that was paid late; an order open for weeks for any other reason (L025)",
    planted: ["processing-begins-anew"],
  },
  {
    input: "empty pages with `has_more: true`",
    right: "asked once, and the run says what is wrong",
    tests: [
      ["unit/lists/read_lists_test.ts", "that promises more is an error and not followed forever"],
      ["unit/expire/handover_test.ts", "a run whose lists could not be read names them and is partial"],
    ],
    relatives:
      "a page that repeats its last id; one without a date; one with a row that cannot be read; a window that breaks off",
    planted: ["page-leads-nowhere", "first-page-again", "fruitless-run-continues"],
  },
  {
    input: "2147483647, `infinity`, `-infinity`, 0 and negative values in every setting",
    right: "refused when it is set, or everything works with it",
    tests: [
      ["platform/schedule/extreme_settings_test.ts", "is refused, or everything works with it"],
      ["integration/extreme_settings_test.ts", "value that each setting allows both jobs work"],
      ["platform/watch/retention_test.ts", "retention times that would break something are refused"],
    ],
    relatives:
      "schedules and policies for deadlines; nulls; NaN; texts; a deadline or a voucher's expiry of thousands of years",
    planted: ["schedule-that-never-ticks", "years-of-a-voucher"],
    seen: "the check of brake_threshold taken out",
  },
  {
    input: "a request names a queued run's id with another limit",
    right: "refused if it differs",
    tests: [["database/begin_run/a_request_that_differs_from_its_queued_run_is_refused.test.sql"]],
    relatives: "dry run, reason, released brake, job; an order of a continuation",
    planted: ["limit-differs", "real-run-for-a-dry-one", "release-by-naming-a-run"],
  },
  {
    input: "the shop moves the deadline",
    right: "followed, also while a run holds the order",
    tests: [
      ["integration/races_test.ts", "a deadline that the shop moves while a run holds the order is followed"],
      ["database/orders/the_next_check_moves_with_the_deadline.test.sql"],
    ],
    relatives: "moved forward and back; a voucher's own expiry; the amount; an order without payments",
    planted: ["moved-deadline-ignored", "moved-deadline-due-at-once", "recheck-moved-earlier"],
  },
];

export const EDGE_AND_PLATFORM: KnownFault[] = [
  {
    input: "a dump restored where default privileges grant to anon",
    right: "`lapse.secure()` takes it back, and the watch notices",
    tests: [
      [
        "install/old_default_privileges_test.ts",
        "lapse.secure() revokes what a restore with the old default privileges",
      ],
      ["database/privileges/what_a_restore_leaves_open_is_noticed_and_closed.test.sql"],
    ],
    relatives:
      "tables, columns, sequences, functions, policies, search paths; an install on such a project; a wider adapter",
    planted: ["defaults-kept", "extra-privileges-unseen", "open-doors-unseen"],
  },
  {
    input: "Vault has another key",
    right: "URL and secret can be set again: deleted, then created",
    tests: [[
      "platform/schedule/settings_test.ts",
      "a secret that Vault can no longer decrypt can be set again",
    ]],
    relatives: "the webhook, the dead man's switch, the doctor, a run that pings; a copy without the key",
    seen: "vault.update_secret in place of delete and create",
  },
  {
    input: "`db push` without a pending migration leaves Vault unwritten",
    right: "the doctor says so, and `lapse enable` sets both entries",
    tests: [
      ["cli/faults.ts", "the functions' URL is missing"],
      ["cli/faults.ts", "the scheduler's secret is missing"],
      ["enable/enable_test.ts", "a project whose Vault was never written is connected by enable"],
    ],
    relatives:
      "another project's URL; another secret than the functions'; no https; empty or blank; a tick that cannot dispatch",
    planted: ["missing-secret-sent"],
  },
  {
    input: "after a restore: no cron jobs, no watch",
    right: "health says so, the dead man's switch falls silent, and `lapse enable` brings them back",
    tests: [
      ["platform/watch/schedule_alerts_test.ts", "after a restore nothing ticks: lapse-health reports it"],
      ["platform/watch/ping_test.ts", "a run pings at its start and when it has succeeded, failed or been braked"],
      [
        "platform/schedule/settings_test.ts",
        "installing the schedules again changes nothing, and restores what a restore lost",
      ],
    ],
    relatives: "a schedule lost, changed or with another command; pg_cron dead; the watch cut off",
    planted: ["missing-unseen", "healthy-without-a-watch"],
  },
  {
    input: "duplicate schedules of another role",
    right: "the doctor names them, and the watch raises L006",
    tests: [
      ["cli/faults.ts", "another role has a schedule as well"],
      ["platform/watch/schedule_alerts_test.ts", "a schedule that pg_cron does not have as it was set raises L006"],
    ],
    relatives: "schedules of version 0.1 that still tick; a lapse- job that nobody scheduled",
    seen: "the comparison of roles taken out of lapse.schedule_problems",
  },
  {
    input: "a secret with a trailing newline",
    right: "trimmed everywhere",
    tests: [
      ["unit/http/environment_test.ts", "values are trimmed, as pasted secrets end in line breaks"],
      ["platform/schedule/settings_test.ts", "a pasted value with a line break is trimmed"],
      ["unit/webhook/signature_test.ts", "secrets are a trimmed list and never appear in an error message"],
    ],
    relatives:
      "tabs and carriage returns; URLs; what somebody put into Vault by hand; the command's environment; blank values",
    planted: ["secrets-untrimmed"],
  },
  {
    input: "a wrong configuration",
    right: "the gate comes first: strangers hear what they always hear",
    tests: [
      ["security/configuration_test.ts", "whatever is misconfigured, unauthenticated callers get the usual answer"],
      ["unit/http/serve_job_test.ts", "an authenticated caller is told what is misconfigured"],
    ],
    relatives: "each variable missing and wrong; the webhook; metrics; health; values in messages",
    planted: ["misconfiguration-told-to-strangers", "values-told", "body-before-the-gate"],
  },
  {
    input: "HEAD on health; OPTIONS on functions",
    right: "as GET; CORS",
    tests: [
      ["platform/watch/health_test.ts", "an unauthenticated caller learns only health codes"],
      ["security/requests_test.ts", "a page in a browser may call with a user's token"],
    ],
    relatives: "every other method; a method in a header; cookies; the scheduler's secret from a browser",
    planted: ["any-method", "browsers-hold-the-secret"],
  },
  {
    input: "`pi_…_secret_…` or `plink_…` as the id of a payment",
    right: "22023, and what to pass instead",
    tests: [
      ["database/attach_payment/only_a_pending_order_takes_a_payment.test.sql"],
      ["integration/kinds_of_orders_test.ts", "an invalid payment id is refused with a hint"],
      ["database/inbox/amounts_and_ids_are_brought_into_stripes_form.test.sql"],
    ],
    relatives: "noted by trigger; named by the shop's row; reported paid; in a list; ids of charges, URLs, accounts",
    planted: ["secret-attached", "secret-as-an-id", "secret-is-the-id"],
  },
  {
    input: "a quantity of 2.0",
    right: "accepted as 2; anything else is refused by name",
    tests: [
      ["database/place_order/an_order_holds_its_stock_from_the_moment_it_is_placed.test.sql"],
      ["database/place_order/an_order_that_cannot_be_used_is_refused_with_a_reason.test.sql"],
    ],
    relatives: "1.5, 0, negative, beyond the range, a text, none; an article without a name",
    seen: "the check of the quantity taken out of public.place_order",
  },
  {
    input: "stock sync by `.upsert()`",
    right: "works, and the same locally and hosted",
    tests: [
      ["database/inventory/the_backend_syncs_stock_by_upsert_and_cannot_touch_what_is_reserved.test.sql"],
      ["local/rest_test.ts", "an upsert needs the right to update the key as well"],
    ],
    relatives: "known and new articles together; columns that nobody may write; views",
    seen: "the right to update the key revoked",
  },
  {
    input: "an unfiltered PATCH or DELETE; SQLSTATEs of one's own",
    right: "as strict locally as PostgREST",
    tests: [
      ["local/rest_test.ts", "a change or removal without a condition is refused and touches nothing"],
      ["local/rest_test.ts", "a SQLSTATE is passed on as it is, with the status that PostgREST gives its class"],
      ["rules/migrations_test.ts", "no update or delete is without a condition"],
    ],
    relatives:
      "statements inside functions and migrations; a read of more than 1000 rows; arguments that a function lacks",
    seen: "the refusal taken out of local/gateway",
  },
  {
    input: "a preview branch or copy with production's Vault",
    right: "refused",
    tests: [
      ["database/begin_run/a_copy_of_another_projects_database_is_left_alone.test.sql"],
      ["integration/callers_test.ts", "the scheduler only starts runs that are queued in this database"],
    ],
    relatives: "its schedule, a person, a server; a copy that shall work by itself; Vault without its key",
    planted: ["copies-start-runs"],
  },
];

export const KNOWN_FAULTS = [...MONEY_AND_STOCK, ...STUCK_OR_SILENT, ...EDGE_AND_PLATFORM];
