import { faultsIn } from "../fault.ts";

const POISON = ["tests/faults/poison_order_test.ts"];
const RACES = ["tests/integration/turns_test.ts"];

/** In what a run calls between its beginning and its end, and in what is counted of it. */
export const WORK_SQL_FAULTS = [
  ...faultsIn("migrations/20261122092200_jobs_work_on_orders.sql", [
    [
      "stock-of-unpaid-stays",
      "  perform jobs.shop_move_stock(p_decisions => v_decisions, p_now => p_now);\n",
      "",
      "an order without payments closes and its units stay reserved",
    ],
    [
      "stock-before-decisions",
      "  perform jobs.record_decisions(p_run => v_run, p_decisions => v_decisions, p_now => p_now);\n  perform jobs.shop_move_stock(p_decisions => v_decisions, p_now => p_now);\n",
      "  perform jobs.shop_move_stock(p_decisions => v_decisions, p_now => p_now);\n  perform jobs.record_decisions(p_run => v_run, p_decisions => v_decisions, p_now => p_now);\n",
      "a checkout waits for a batch of thousands of orders",
      RACES,
    ],
    [
      "stock-of-settled-stays",
      "  perform jobs.shop_move_stock(p_decisions => v_applied, p_now => p_now);\n",
      "",
      "a settled order closes and its units stay reserved",
    ],
    [
      "closes-without-lease",
      "jobs.hold_lease(p_run_id => p_run_id, p_fence => p_fence, p_now => p_now);\n  v_decisions",
      "(select r from public.job_runs r where r.id = p_run_id);\n  v_decisions",
      "a run that lost its lease closes orders",
    ],
    [
      "settles-without-lease",
      "jobs.hold_lease(p_run_id => p_run_id, p_fence => p_fence, p_now => p_now);\n  v_applied",
      "(select r from public.job_runs r where r.id = p_run_id);\n  v_applied",
      "a run that lost its lease settles",
    ],
    [
      "handed-back-counted",
      "where d.outcome <> 'handed_back'",
      "where true",
      "an order handed back breaks the batch or is counted",
    ],
    [
      "money-alert-missing-in-settle",
      "  perform jobs.alert_wrong_money(\n    p_order_ids => (select array_agg((d ->> 'orderId')::uuid) from jsonb_array_elements(p_decisions) d),\n    p_now => p_now\n  );\n",
      "",
      "a double payment found by a run is nobody's business",
    ],
    [
      "redrive-without-reason",
      "if coalesce(p_reason, '') = '' then",
      "if false then",
      "nobody says why an order was given back",
    ],
  ]),
  ...faultsIn("migrations/20261123098000_caution_after_deaths.sql", [
    [
      "claims-without-lease",
      "jobs.hold_lease(p_run_id => p_run_id, p_fence => p_fence, p_now => p_now);\n  v_settings",
      "(select r from public.job_runs r where r.id = p_run_id);\n  v_settings",
      "a run that lost its lease claims",
    ],
    [
      "hopeless-claimed",
      "filter (where not x.hopeless)",
      "filter (where true)",
      "an order that kills its run is handed out again",
    ],
    [
      "hopeless-not-set-aside",
      "(c ->> 'failures')::integer >= v_settings.max_attempts as hopeless",
      "false as hopeless",
      "an order that kills its run hangs in its claim",
    ],
    [
      "hopeless-hide-others",
      "    if v_others is not null then\n      return v_others;\n    end if;\n",
      "    return coalesce(v_others, '[]');\n",
      "orders behind hopeless ones wait for the next run, and this one says all is done",
    ],
    [
      "no-smaller-claims",
      "power(4, v_dead.deaths)",
      "power(1, v_dead.deaths)",
      "an order that kills runs takes others with it",
      POISON,
    ],
    [
      "all-are-suspects",
      "p_now => least(p_now, v_dead.since)",
      "p_now => '-infinity'",
      "one death slows all orders down, not only those that it may have been about",
      POISON,
    ],
    [
      "suspects-among-others",
      "p_now => least(p_now, v_dead.since)",
      "p_now => p_now",
      "an order that kills runs dies among a hundred others",
      POISON,
    ],
    [
      "two-batches-after-death",
      "when d.deaths = 0 then 2 else 1 end",
      "when true then 2 else 1 end",
      "two suspects die together again and again",
      POISON,
    ],
    [
      "caution-for-ever",
      "where dead.died and dead.started_at > coalesce(e.at, '-infinity')",
      "where dead.died",
      "one death slows the job down for hours",
      POISON,
    ],
    [
      "caution-ends-early",
      "and dead.finished_at >= survivor.oldest_due_at",
      "and false",
      "a run that did not get as far as the order that kills ends the caution",
      POISON,
    ],
    [
      "deaths-out-of-sight",
      "r.status in ('succeeded', 'partial', 'lost')",
      "r.status <> 'queued'",
      "runs that did nothing hide those that died",
    ],
    [
      "what-fell-due-since-is-suspect",
      "p_now => least(p_now, v_dead.until)",
      "p_now => p_now",
      "hours after an incident new orders are claimed one at a time",
    ],
    [
      "hopeless-in-one-call",
      "v_others is null and v_turn = c_turns",
      "false",
      "one call sets hundreds of orders aside, one after the other, and times out",
    ],
    [
      "all-runs-read",
      "  where status in ('succeeded', 'partial', 'lost') and not dry_run",
      "  where status = 'lost' and not dry_run",
      "every claim reads all the runs there ever were",
    ],
  ]),
  ...faultsIn("migrations/20261122091260_jobs_record_decisions.sql", [
    [
      "total-stock-uncounted",
      "stock_released_total = m.stock_released_total + c.stock_released,",
      "stock_released_total = m.stock_released_total,",
      "totals and decisions disagree",
    ],
    [
      "run-paid-uncounted",
      "orders_paid = r.orders_paid + c.orders_paid,",
      "orders_paid = r.orders_paid,",
      "a run's counters and its decisions disagree",
    ],
    [
      "sessions-are-intents",
      "count(*) filter (where subject = 'payment_intent' and outcome = 'canceled') as payment_intents_canceled,",
      "count(*) filter (where outcome = 'canceled') as payment_intents_canceled,",
      "expired sessions count as cancelled intents",
    ],
    [
      "counted-for-all-runs",
      "    where r.id = (p_run).id\n  )",
      "    where r.job = (p_run).job\n  )",
      "one run's decisions count for all",
    ],
  ]),
];
