import { type Fault, faultsIn } from "../fault.ts";

const REFUNDS = ["database/refunds"];

/** Late money: what is revived, what is given back, and that either happens once. */
export const REFUND_FAULTS: Fault[] = [
  ...faultsIn("migrations/20261129000830_late_money.sql", REFUNDS, [
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
      "an order is paid whose money goes back",
    ],
    [
      "no-limit-a-day",
      "case when v_over then p_now end, case when not v_over then p_now end, p_now",
      "null, p_now, p_now",
      "a mistake gives all money of a day back",
    ],
    [
      "returned-alert-stays",
      "where a.resolved_at is null and a.key in (select kind || ref from",
      "where false and a.key in (select kind || ref from",
      "an alert asks for a refund that was made",
    ],
  ]),
  ...faultsIn("migrations/20261129001660_execute_refunds.sql", REFUNDS, [
    [
      "late-result-counts",
      "and r.attempts = p_attempt and",
      "and",
      "the result of an earlier attempt overwrites a later one",
    ],
    [
      "refused-under-the-same-key",
      "key_number = r.key_number + (v_outcome = 'refused')::integer",
      "key_number = r.key_number",
      "Stripe replays its refusal for a day",
    ],
    [
      "refused-for-ever",
      "if v_outcome = 'refused' and v_refund.key_number >= 4 or",
      "if",
      "a refund is tried for ever and nobody hears of it",
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
      "if v_order.status <> 'paid' and lapse.is_refunded(p_evidence => v_before.evidence) then",
      "if false then",
      "a webhook that comes late pays an order whose money was given back",
    ],
  ]),
];
