import { type Fault, faultsIn } from "../fault.ts";

const REFUNDS = ["database/refunds"];

/** Late money: what is revived, what is given back, and that either happens once. */
export const REFUND_FAULTS: Fault[] = [
  ...faultsIn("migrations/20261129000830_late_money.sql", REFUNDS, [
    [
      "paid-orders-unseen",
      "where p.ref = any (p_refs) and p.state = 'paid'",
      "where p.ref = any (p_refs) and p.state = 'open'",
      "money for an expired order is neither revived nor refunded",
    ],
    [
      "revived-for-a-part",
      "and (not v_late.is_known or v_late.received >= coalesce(v_late.amount, 0))",
      "",
      "half of the amount takes the stock again",
    ],
    [
      "cancelled-is-revived",
      "if v_late.is_expired_by_lapse and",
      "if",
      "an order that the shop cancelled comes back",
    ],
    [
      "refunded-and-revived",
      "and not v_late.is_being_refunded",
      "",
      "an order is paid whose money is refunded",
    ],
    [
      "returned-alert-stays",
      "where a.resolved_at is null and a.key in (select kind || ref from",
      "where false and a.key in (select kind || ref from",
      "an alert asks for a refund that was made",
    ],
  ]),
  ...faultsIn("migrations/20261129000800_money.sql", REFUNDS, [
    [
      "refunded-pays-twice",
      "(v_order.status <> 'paid' or v_before.state = 'dead')",
      "v_order.status <> 'paid'",
      "a late report of a refunded payment asks for its refund",
    ],
  ]),
  ...faultsIn("migrations/20261129000850_events.sql", REFUNDS, [
    [
      "sent-back-for-nothing",
      "when 'paid' then 'paid_twice' else v_result end",
      "else v_result end",
      "nobody is told to repeat a refund that the bank sent back on a paid order",
    ],
    [
      "outdated-answer-counts",
      "if v_state = 'paid' and v_before.checked_at >=",
      "if false and v_before.checked_at >=",
      "an answer from before a refund brings its money back",
    ],
    [
      "outdated-is-repeated",
      "delete from lapse.events e where e.id = p_event_id;",
      "",
      "the next delivery of an event is ignored whose answer was outdated",
    ],
  ]),
  ...faultsIn("migrations/20261129001660_execute_refunds.sql", REFUNDS, [
    [
      "refund-leaves-no-time",
      ", checked_at = p_now\n    where p.stripe_id in (v_refund.stripe_id",
      "\n    where p.stripe_id in (v_refund.stripe_id",
      "an answer from before Lapse's refund brings the money back",
    ],
    [
      "limits-of-today-alone",
      "select date_trunc('day', min(n.created_at), 'UTC')",
      "select date_trunc('day', max(n.created_at), 'UTC')",
      "after a weekend without runs every refund is paid out, whatever the limits",
    ],
    [
      "no-limit-a-day",
      "and (x.refunds > s.refunds_per_day or x.total > s.refunded_per_day)",
      "and false",
      "a mistake gives all money of a day back",
    ],
    [
      "late-result-counts",
      "and r.attempts = p_attempt and",
      "and",
      "the result of an earlier attempt overwrites a later one",
    ],
    [
      "refused-under-the-same-key",
      "(v_outcome = 'refused' or coalesce((p_result -> 'newKey')::boolean, false))::integer",
      "0",
      "Stripe replays its refusal for a day",
    ],
    [
      "refused-for-ever",
      "if v_outcome = 'refused' and v_refund.key_number >= 4 or",
      "if",
      "a refund is tried forever and nobody hears of it",
    ],
    [
      "taken-twice",
      "set next_attempt_at = p_now + s.lease, attempts",
      "set attempts",
      "two runs carry out one refund",
    ],
  ]),
  ...faultsIn("migrations/20261129000800_money.sql", REFUNDS, [
    [
      "refunded-and-paid-again",
      "if lapse.is_refunded(p_evidence => v_before.evidence) and (v_order",
      "if false and (v_order",
      "a webhook that comes late pays an order whose money was refunded",
    ],
  ]),
];
