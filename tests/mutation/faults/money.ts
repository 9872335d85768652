import { type Fault, faultsIn } from "../fault.ts";

const PAID = ["database/mark_paid"];
const TWICE = ["database/mark_paid", "database/settle_orders"];

/** The effects of a payment that succeeded, and when it raises an alert. */
export const MONEY_FAULTS: Fault[] = faultsIn("migrations/20261129000800_money.sql", PAID, [
  [
    "pair-by-the-session-alone",
    "(s.intent = i.stripe_id or i.session = s.stripe_id)",
    "(s.intent = i.stripe_id)",
    "a session and its own intent are reported as a double payment",
  ],
  [
    "pair-by-the-intent-alone",
    "(s.intent = i.stripe_id or i.session = s.stripe_id)",
    "(i.session = s.stripe_id)",
    "a session and its own intent are reported as a double payment",
  ],
  [
    "own-intent-counts",
    "select p.ref, p.stripe_id, not p.is_own and not p.is_gone, p.is_known,",
    "select p.ref, p.stripe_id, not p.is_gone, p.is_known,",
    "a session and its own intent are reported as a double payment",
  ],
  [
    "two-halves-are-twice",
    "count(*) > 1 and coalesce(sum(m.received) > o.amount or bool_or(m.received is null), true) as surplus",
    "count(*) > 1 as surplus",
    "two halves of the amount raise the alarm of a double payment",
    TWICE,
  ],
  [
    "unknown-amount-is-no-surplus",
    "or bool_or(m.received is null), true) as surplus",
    ", true) as surplus",
    "a second payment of unknown amount is nobody's",
  ],
  [
    "doubt-wakes-everybody",
    "case when p.status = 'paid' and p.harmless then 'warning' else 'critical' end",
    "'critical'",
    "an operator is called at night to compare two ids",
  ],
  [
    "refund-on-a-guess",
    "when p.unsure then",
    "when false then",
    "an alert asks an operator to refund the only payment of an order",
  ],
  [
    "late-is-twice",
    "case p.status when 'paid' then 'paid_twice:' else 'late_payment:' end",
    "'paid_twice:'",
    "money that came late is reported as a double payment",
    TWICE,
  ],
  [
    "closed-alert-comes-back",
    "where a.key = w.key and a.resolved_at is not null and a.details -> 'payments' @> w.stripe_ids",
    "where false",
    "a repeated webhook opens an alert that an operator closed",
  ],
  [
    "alive-after-all-unheard",
    "if v_before.state = 'dead' and v_result <> 'already_paid' then",
    "if false then",
    "a payment that Stripe had called dead is not reported",
  ],
  ["paid-by-anothers", "if v_before.ref <> v_ref then", "if false then", "one payment pays two orders"],
  ["money-below-zero", "if p_amount < 0 then", "if false then", "a payment of minus ten euros is recorded"],
  [
    "part-is-all",
    "when v_money.received < v_order.amount then 'partly_paid'",
    "",
    "a tenth of the amount pays for an order",
  ],
  [
    "cancelled-becomes-paid",
    "when v_shop <> 'open' then 'late_payment'",
    "",
    "a payment opens an order that the shop cancelled",
  ],
  [
    "expired-becomes-paid-twice",
    "when v_order.status = 'expired' and v_shop <> 'paid' then 'late_payment'",
    "",
    "money for an expired order is reported as a double payment",
  ],
  [
    "repeated-is-twice",
    "when v_before.state = 'paid' then 'already_paid'",
    "",
    "a repeated webhook looks like a double payment",
  ],
  [
    "own-session-is-twice",
    "when v_money.known then 'already_paid'",
    "",
    "a session after its own intent looks like a double payment",
  ],
  [
    "parts-are-twice",
    "when v_money.received <= v_order.amount then 'already_paid'",
    "",
    "the second half of an amount looks like a double payment",
  ],
  [
    "doubt-is-certain",
    "when v_money.unsure then 'maybe_paid_twice'",
    "",
    "an alert asks an operator to refund the only payment of an order",
  ],
  [
    "paid-in-the-shop-alone",
    "if v_result = 'paid' then update",
    "if false then update",
    "an order is paid in the shop and pending in the ledger",
  ],
  [
    "late-stays-open",
    "elsif v_result = 'late_payment' then",
    "elsif false then",
    "an order with late money waits for nobody",
  ],
  [
    "late-uncounted",
    "  if v_result in ('late_payment', 'revived') then perform lapse.note_late_payment(",
    "  if false then perform lapse.note_late_payment(",
    "late money that the webhook finds is counted nowhere",
  ],
  [
    "second-left-open",
    "  perform lapse.recheck_leftovers(p_refs => array[v_ref], p_now => p_now);\n",
    "",
    "a second open payment of a paid order can be paid forever",
  ],
  [
    "twice-unheard",
    "if lapse.settle_wrong_money(p_refs => array[v_ref], p_patient => true, p_now => p_now) <> '{}' then",
    "if false then",
    "a double payment is not reported",
  ],
  [
    "paid-in-the-ledger-only",
    "if v_shop = 'open' and (v_result = 'paid' or v_order.status = 'paid') then",
    "if false then",
    "an order is paid in the ledger and open in the shop",
  ],
  [
    "unattached-uncounted",
    "update lapse.orders o set payments = o.payments + 1 where o.ref = (p_order).ref;",
    "",
    "an order with a payment is closed unasked",
  ],
  [
    "session-of-the-intent-forgotten",
    "|| jsonb_strip_nulls(jsonb_build_object('intent', p.evidence -> 'intent', 'session', p.evidence -> 'session')),",
    ",",
    "a session and its own intent are reported as a double payment",
  ],
  [
    "silent-adapter-is-open",
    "if v_shop is null then",
    "if false then",
    "an order is marked paid that the shop does not know",
  ],
]);
