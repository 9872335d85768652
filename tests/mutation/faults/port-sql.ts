import { faultsIn } from "../fault.ts";

const RACES = ["tests/integration/turns_test.ts"];

/** In the jobs' port to the shop's tables: what is due, claims, closes and settlements. */
export const PORT_SQL_FAULTS = [
  ...faultsIn("migrations/20261128130300_shop_port_declare_dead.sql", [
    [
      "anything-declared-dead",
      "if v_payment.reason is distinct from 'checkout_unclosable' then",
      "if false then",
      "an order is closed over a payment that Stripe could still have ended",
    ],
    [
      "declared-under-a-run",
      "if v_order.status <> 'quarantined' then",
      "if false then",
      "a payment is declared dead while a run looks at it",
    ],
    [
      "declared-by-nobody",
      "evidence = p.evidence || jsonb_build_object(",
      "evidence = jsonb_build_object(",
      "Stripe's last answer is lost",
    ],
  ]),
  ...faultsIn("migrations/20261128130400_jobs_declare_dead.sql", [
    [
      "declared-without-reason",
      "if coalesce(btrim(p_reason), '') = '' or coalesce(btrim(p_actor), '') = '' then",
      "if false then",
      "nobody answers for a payment that is dead on somebody's word",
    ],
    [
      "declaration-unrecorded",
      "  perform jobs.record_decisions(p_run => v_run, p_decisions => array[v_decision], p_now => p_now);\n",
      "",
      "the history of an order does not say who declared its payment dead",
    ],
  ]),
  ...faultsIn("migrations/20261122092000_shop_port_due.sql", [
    [
      "quarantine-keeps-failures",
      "set status = 'pending', next_check_at = p_now, failures = 0,",
      "set status = 'pending', next_check_at = p_now,",
      "a redriven order is set aside at its first failure",
    ],
    [
      "any-order-redriven",
      "if v_order.status <> 'quarantined' then",
      "if false then",
      "a redrive moves an order that is not set aside",
    ],
  ]),
  ...faultsIn("migrations/20261122092010_shop_port_claim.sql", [
    [
      "attempt-not-counted",
      "attempt = o.attempt + 1,\n        failures = o.failures + d",
      "attempt = o.attempt,\n        failures = o.failures + d",
      "a stale run settles a newer claim",
    ],
    [
      "claim-without-end",
      "next_check_at = p_until\n    from",
      "next_check_at = p_until + interval '1 day'\n    from",
      "a dead run's orders come back a day later",
    ],
    [
      "claim-already-over",
      "next_check_at = p_until\n    from",
      "next_check_at = p_now\n    from",
      "two runs hold the same order",
    ],
    [
      "claimed-before-due",
      "where o.status in ('pending', 'expiring') and o.next_check_at <= p_now and o.payment_count > 0",
      "where o.status in ('pending', 'expiring') and o.payment_count > 0",
      "orders are claimed before their deadline",
    ],
    [
      "claim-waits",
      "o.payment_count > 0\n    order by o.next_check_at, o.id\n    limit p_limit\n    for update skip locked",
      "o.payment_count > 0\n    order by o.next_check_at, o.id\n    limit p_limit\n    for update",
      "one busy order holds up the run",
      RACES,
    ],
    [
      "newest-first",
      "o.payment_count > 0\n    order by o.next_check_at, o.id",
      "o.payment_count > 0\n    order by o.next_check_at desc, o.id",
      "the oldest orders never come",
    ],
    [
      "lapse-not-counted",
      "failures = o.failures + d.lapsed::integer,",
      "failures = o.failures,",
      "an order that kills its run does so for ever",
    ],
  ]),
  ...faultsIn("migrations/20261122092020_shop_port_close.sql", [
    ["closed-unasked", " and o.payment_count = 0\n", "\n", "an order with payments is closed without asking Stripe"],
    [
      "closed-before-due",
      "where o.status in ('pending', 'expiring') and o.next_check_at <= p_now and o.payment_count = 0",
      "where o.status in ('pending', 'expiring') and o.payment_count = 0",
      "orders are closed before their deadline",
    ],
    [
      "expired-consumes",
      "filter (where d.outcome = 'expired'),\n    p_paid => array_agg(d.order_id) filter (where d.outcome = 'paid')",
      "filter (where d.outcome = 'never'),\n    p_paid => array_agg(d.order_id) filter (where d.outcome in ('paid', 'expired'))",
      "units of expired orders vanish",
    ],
    [
      "paid-not-consumed",
      "p_paid => array_agg(d.order_id) filter (where d.outcome = 'paid')",
      "p_paid => array_agg(d.order_id) filter (where d.outcome = 'never')",
      "sold units stay reserved",
    ],
  ]),
  ...faultsIn("migrations/20261122092030_shop_port_settle.sql", [
    [
      "decided-twice",
      "group by d -> 'orderId' having count(*) > 1) then",
      "group by d -> 'orderId' having count(*) > 2) then",
      "two decisions about one order",
    ],
    [
      "any-runs-claim",
      "o.status = 'expiring' and o.claimed_by = p_run_id and o.attempt",
      "o.status = 'expiring' and o.attempt",
      "a run settles another run's claim",
    ],
    [
      "any-attempt",
      "and o.claimed_by = p_run_id and o.attempt = d.attempt;",
      "and o.claimed_by = p_run_id;",
      "an old decision settles a new claim",
    ],
    [
      "last-writer-wins",
      `on o.id = d."orderId" and o.status = 'expiring' and o.claimed_by = p_run_id and o.attempt = d.attempt;`,
      `on o.id = d."orderId";`,
      "a run overwrites what the shop decided",
    ],
    [
      "living-payment-ignored",
      "s.outcome = 'expired' and exists (",
      "false and exists (",
      "a run's mistake breaks the whole batch",
    ],
    [
      "one-attempt-more",
      "s.failures + 1 >= g.max_attempts as exhausted",
      "s.failures >= g.max_attempts as exhausted",
      "an order fails once too often",
    ],
    [
      "never-exhausted",
      "s.outcome = 'retry' and s.failures + 1 >= g.max_attempts as exhausted",
      "false as exhausted",
      "an order fails for ever",
    ],
    [
      "payment-recorded-again",
      "and p.order_id = s.order_id and p.state = 'open'\n    returning",
      "and p.order_id = s.order_id\n    returning",
      "a settled payment is written again",
    ],
    [
      "payment-of-other-order",
      "where p.id = any (v_payment_ids) and p.id = s.\"paymentId\" and p.order_id = s.order_id and p.state = 'open'",
      "where p.id = any (v_payment_ids) and p.id = s.\"paymentId\" and p.state = 'open'",
      "a decision closes another order's payment",
    ],
    [
      "grace-forgotten",
      'grace_until = coalesce(s."graceUntil", p.grace_until),',
      'grace_until = s."graceUntil",',
      "the one extra grace is granted again",
    ],
    [
      "handed-back-late",
      "when s.outcome = 'handed_back' then p_now",
      "when s.outcome = 'handed_back' then p_now + interval '1 hour'",
      "orders of a run out of time wait an hour",
    ],
    [
      "wait-without-bound",
      "greatest(least(s.next_check_at, p_now + interval '1 month'), p_now + g.backoff_base)",
      "greatest(s.next_check_at, p_now + g.backoff_base)",
      "a wrong date hides an order for years",
    ],
    [
      "wait-of-no-length",
      "greatest(least(s.next_check_at, p_now + interval '1 month'), p_now + g.backoff_base)",
      "least(s.next_check_at, p_now + interval '1 month')",
      "an order is claimed again in the same run",
    ],
    [
      "no-backoff",
      "g.backoff_base * 2 ^ least(s.failures, 20)",
      "g.backoff_base",
      "a failing order is asked about every minute",
    ],
    [
      "backoff-unbounded",
      "least(g.backoff_max, g.backoff_base * 2 ^ least(s.failures, 20) * (0.75 + random() / 2))",
      "g.backoff_base * 2 ^ least(s.failures, 20) * (0.75 + random() / 2)",
      "a failing order waits for a year",
    ],
    ["no-jitter", "* (0.75 + random() / 2)", "", "orders that failed together come back together"],
    [
      "waiting-keeps-failures",
      "when 'waiting' then 0 else",
      "when 'waiting' then o.failures else",
      "an order that waited well is set aside",
    ],
    [
      "handed-back-loses-reason",
      "status_reason = case when e.outcome = 'handed_back' then o.status_reason else e.reason end,",
      "status_reason = e.reason,",
      "an untouched order's reason is lost",
    ],
    [
      "counted-again",
      "and (s.order_id = any (v_held) or r.state <> 'open');",
      ";",
      "the same cancel is counted by every repetition",
    ],
    ["locks-unsorted", "order by o.id\n  for update;", "for update;", "two settlements wait for each other", RACES],
  ]),
];
