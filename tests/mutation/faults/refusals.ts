import { faultsIn } from "../fault.ts";

const REFUSED = ["tests/unit/expire/refused_orders_test.ts"];

/** What a run does when the database refuses what it wanted to write, or gives up waiting. */
export const REFUSAL_FAULTS = [
  ...faultsIn("functions/_shared/database/refusals.ts", [
    ["lost-lease-halved", "|LP|", "|", "a run that lost its lease goes on settling", REFUSED],
    ["deadlock-blamed", "|40|", "|", "orders are blamed for a deadlock", REFUSED],
    ["lock-blamed", 'error.code === "55P03" || ', "", "a stocktaking sets orders aside", REFUSED],
    ["slowness-blamed", ' || error.code === "57014"', "", "a slow database sets orders aside", REFUSED],
  ]),
  ...faultsIn("functions/expire-stale-orders/settle-batch.ts", [
    [
      "refused-together",
      "if (batch.length === 1) result",
      "if (batch.length > 0) result",
      "orders are blamed for the one beside them that is refused",
      REFUSED,
    ],
    [
      "refused-unblamed",
      "...first.refused.map(({ decision }) => failedAttempt(decision)),",
      "",
      "an order that is refused is never set aside",
      REFUSED,
    ],
    [
      "waiting-batch-lapses",
      "...first.open.map(handedBack),",
      "",
      "orders are blamed for a lock that somebody else holds",
      REFUSED,
    ],
    [
      "half-of-a-batch-lapses",
      "open: [...batch, ...batches.flat()]",
      "open: batch",
      "orders are blamed for a lock on another order's article",
      REFUSED,
    ],
    [
      "ends-forgotten",
      'reason: "not_settled_in_time", payments }',
      'reason: "not_settled_in_time", payments: [] }',
      "what a run ended at Stripe is not counted",
      REFUSED,
    ],
  ]),
  ...faultsIn("functions/expire-stale-orders/work-on-batches.ts", [
    [
      "waiting-run-claims-on",
      " || lanes.delayed || ",
      " || ",
      "a run claims and hands back the same orders until its time is over",
      REFUSED,
    ],
    [
      "waiting-run-succeeds",
      "progress.delay ??= delay;",
      "",
      "a run that could settle nothing reports success",
      REFUSED,
    ],
  ]),
  ...faultsIn("functions/expire-stale-orders/expire-stale-orders.ts", [
    [
      "one-refusal-stops-all",
      "if (!isTimeout(error) && !isRefusal(error)) throw error;",
      "throw error;",
      "one order without payments that is refused stops every run",
      REFUSED,
    ],
    [
      "any-error-passed-over",
      "if (!isTimeout(error) && !isRefusal(error)) throw error;",
      "",
      "a run without a lease goes on",
      REFUSED,
    ],
    [
      "waits-for-those-without-payments",
      "if (isTimeout(error)) progress.delay = reasonOf(error);\n    else await",
      "await",
      "orders without payments are claimed one by one while an article is locked",
      REFUSED,
    ],
  ]),
  ...faultsIn("migrations/20261128110000_wide_unit_counts.sql", [
    [
      "run-units-overflow",
      "alter table public.job_runs alter column stock_released type bigint;",
      "",
      "orders of large quantities stop every run",
    ],
    [
      "order-units-overflow",
      "alter type jobs.decision alter attribute units_released type bigint;",
      "",
      "an order of large quantities is never closed",
    ],
  ]),
  ...faultsIn("migrations/20261128110100_claim_without_payments.sql", [
    [
      "one-order-run-claims-all",
      "if v_run.order_id is not null then",
      "if false then",
      "a run for one order closes others",
    ],
    [
      "payments-claimed-unasked",
      "where d.o -> 'payments' = '[]'",
      "",
      "orders with payments are claimed beyond the caution",
    ],
    [
      "bare-claim-unlimited",
      "exit when jsonb_array_length(v_claimed) >= coalesce(p_limit, 0);",
      "",
      "a run exceeds its limit",
    ],
    ["bare-claim-newest-first", "order by d.n\n", "order by d.n desc\n", "the oldest orders never come"],
    [
      "bare-claim-waits",
      "perform set_config('lock_timeout', '20ms', true);",
      "",
      "one busy order holds up the run",
      ["tests/integration/turns_test.ts"],
    ],
  ]),
];
