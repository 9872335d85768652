import { type Fault, faultsIn } from "../fault.ts";

const CLOSE = ["database/close_without_payments", "database/record_listed"];
const HOLD = "lapse.hold_lease(p_run_id => p_run_id, p_fence => p_fence, p_now => p_now)";
const UNFENCED = "(select r from lapse.runs r where r.id = p_run_id)";

/** Orders without payments, closed set-based. */
export const CLOSE_FAULTS: Fault[] = [
  ...faultsIn("migrations/20261129001400_close_without_payments.sql", CLOSE, [
    [
      "close-ignores-lists",
      "select o.run_id is not null or o.next_check_at < min(c.read_to)",
      "select true",
      "an order is closed while a payment that was never attached can be paid",
    ],
    [
      "close-by-one-list",
      "having count(*) = 2",
      "having count(*) >= 1",
      "an order is closed although its sessions were never listed",
    ],
    [
      "close-by-the-later-list",
      "o.next_check_at < min(c.read_to)",
      "o.next_check_at < max(c.read_to)",
      "an order is closed although one of its lists is behind",
      ["database/close_without_payments", "database/claim_orders"],
    ],
    [
      "close-by-an-old-list",
      "having count(*) = 2 and min(c.read_to) > v_needed_to",
      "having count(*) = 2",
      "an order that was due when a backup was made is closed although its customer paid since",
    ],
    [
      "close-by-another-account",
      "where c.account = o.account and c.livemode",
      "where c.account = '' and c.livemode",
      "the platform's lists let a connected account's orders be closed",
    ],
    [
      "close-by-another-mode",
      "and c.livemode = v_livemode having count(*) = 2",
      "having count(*) >= 2",
      "test lists let live orders be closed",
    ],
    [
      "close-with-payments",
      "where o.status in ('pending', 'expiring') and o.payments = 0 and",
      "where o.status in ('pending', 'expiring') and",
      "an order with a payment is tried to be closed unasked",
    ],
    [
      "close-unfenced",
      `v_locked_at timestamptz;\n  v_run lapse.runs := ${HOLD};`,
      `v_locked_at timestamptz;\n  v_run lapse.runs := ${UNFENCED};`,
      "a run that lost its lease closes orders",
      ["database/fencing"],
    ],
    [
      "close-of-others",
      "if v_run.ref is null and v_run.job = 'expire-stale-orders' then",
      "if v_run.job = 'expire-stale-orders' then",
      "a run for one order closes others",
      ["database/close_without_payments", "database/sync_order"],
    ],
    [
      "close-exceeds-the-limit",
      "least(coalesce(p_limit, 0), lapse.close_batch(p_job => v_run.job))",
      "lapse.close_batch(p_job => v_run.job)",
      "a run with a limit closes thousands",
    ],
    [
      "close-as-large-as-asked",
      "least(coalesce(p_limit, 0), lapse.close_batch(p_job => v_run.job))",
      "coalesce(p_limit, 0)",
      "a slow shop is held by thousands of rows at a time",
    ],
    [
      "close-waits",
      "  perform set_config('lock_timeout', '200ms', true);\n",
      "",
      "a checkout waits while Lapse waits for another",
      ["database/giving_way"],
    ],
    [
      "close-before-folding",
      "    perform lapse.fold_inbox(p_refs => null, p_limit => 10000, p_now => p_now);\n",
      "",
      "an order is due that its shop moved",
    ],
    [
      "close-without-a-last-look",
      "  perform lapse.fold_inbox(p_refs => v_refs, p_limit => null, p_now => p_now);\n",
      "",
      "an order is closed with a payment that its shop attached just now",
    ],
    [
      "named-payment-ignored",
      "if v_named <> '{}' then\n    v_unrecorded",
      "if false then\n    v_unrecorded",
      "an order is closed whose row names a payment",
    ],
    [
      "unrecordable-name-ignored",
      "union\n    select n.ref from unnest(v_lacking.refs) as n (ref) where n.ref <> all (v_held)",
      "",
      "an order is closed whose row names a payment, because somebody held its ledger row for a moment",
      ["integration/races_test.ts"],
    ],
    [
      "foreign-name-ignored",
      "when l.state = 'open' and o.ref = any (v_named) then 'foreign_payment'",
      "",
      "an order is closed whose row names a payment that is recorded elsewhere",
    ],
    [
      "nothing-is-unpaid",
      "when l.state = 'open' and o.amount = 0 then 'nothing_to_pay'",
      "",
      "an order over nothing expires as unpaid",
    ],
    [
      "shops-paid-is-expired",
      "when h.state = 'paid' then 'paid' else 'expired' end",
      "else 'expired' end",
      "an order that the shop marked paid is expired in the ledger",
    ],
    [
      "closed-twice",
      "h.state = 'open' and h.doubt is null as closes",
      "h.doubt is null as closes",
      "an order that the shop closed is closed again and its units are counted twice",
    ],
    [
      "held-unmoved",
      "if cardinality(v_refs) < cardinality(v_due) then",
      "if false then",
      "one locked order keeps the run busy",
    ],
    [
      "held-forgets-since-when",
      "set next_check_at = p_now + interval '1 minute', reason",
      "set next_check_at = p_now + interval '1 minute', due_since = p_now, reason",
      "an order that is held forever is never overdue",
    ],
    [
      "close-untold",
      "  perform lapse.record_decisions(p_run => v_run, p_decisions => v_decisions, p_now => p_now);\n",
      "",
      "orders are closed and counted nowhere",
    ],
    [
      "stock-stays",
      "  if v_open <> '{}' then\n    perform lapse.finish",
      "  if false then\n    perform lapse.finish",
      "an order closes in the ledger and its units stay reserved",
    ],
  ]),
  ...faultsIn("migrations/20261129001380_close_batch.sql", CLOSE, [
    [
      "batch-never-shrinks",
      "when p_seconds > 0.5 then greatest(1, lapse.close_batch(p_job => p_job) / 2)",
      "when p_seconds > 0.5 then lapse.close_batch(p_job => p_job)",
      "a slow shop is held by the same thousands of rows each time",
    ],
    [
      "batch-never-grows",
      "when j.close_batch * 2 < s.close_batch then j.close_batch * 2",
      "when true then j.close_batch",
      "one slow moment makes every run slow",
    ],
    [
      "timeout-shrinks-nothing",
      "perform lapse.fit_close_batch(p_job => v_run.job, p_seconds => 1, p_orders => 0)",
      "perform lapse.fit_close_batch(p_job => v_run.job, p_seconds => 0.4, p_orders => 0)",
      "a statement that takes too long is repeated as it is",
    ],
  ]),
];
