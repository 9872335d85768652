import { type Fault, faultsIn } from "../fault.ts";

const REDRIVE = ["database/redrive_order", "database/sync_order"];
const DEAD = ["database/declare_dead"];
const RESOLVE = ["database/resolve_order"];

/** What an operator may decide, and what not. */
export const OPERATOR_FAULTS: Fault[] = [
  ...faultsIn("migrations/20261129001800_redrive.sql", REDRIVE, [
    ["without-a-reason", "if coalesce(btrim(p_reason), '') = '' or", "if", "nobody says why an order was given back"],
    [
      "without-a-name",
      "or coalesce(btrim(p_requested_by), '') = '' then",
      "then",
      "nobody knows who gave an order back",
    ],
    [
      "redrive-anything",
      "if v_order.status <> 'quarantined' then",
      "if false then",
      "an order that a run holds is given back under its hands",
    ],
    [
      "due-before-the-deadline",
      "greatest(p_now - interval '5 minutes', greatest(o.deadline, o.hold_until) + s.grace)",
      "p_now - interval '5 minutes'",
      "an operator's click cancels the payment of a customer who may still pay",
    ],
    [
      "old-failures-count",
      "failures = 0,\n      run_id",
      "run_id",
      "an order that was given back is quarantined at the first failure",
    ],
    [
      "waiting-since-now",
      "case when (p_order).status = 'pending' then least(o.due_since, p_now) else p_now end",
      "p_now",
      "an operator's click hides how long an order has waited",
    ],
    [
      "sync-of-a-customer",
      "if v_until > p_now and coalesce(v_order.next_check_at > p_now, true) then",
      "if false then",
      "an operator's click cancels the payment of a customer who may still pay",
    ],
    [
      "sync-of-a-closed-order",
      "if v_order.status not in ('pending', 'quarantined') then",
      "if false then",
      "an order that is closed is opened again",
    ],
    [
      "sync-without-its-order",
      "values ('expire-stale-orders', 'server', p_requested_by, p_reason, 1, p_ref, p_operator_word, p_now)",
      "values ('expire-stale-orders', 'server', p_requested_by, p_reason, 1, null, p_operator_word, p_now)",
      "an operator's look at one order works on others",
    ],
  ]),
  ...faultsIn("migrations/20261129001850_resolve.sql", DEAD, [
    [
      "declares-the-paid-dead",
      "if v_payment.state <> 'open' then",
      "if false then",
      "a payment recorded as paid is declared dead",
    ],
    [
      "declares-under-a-run",
      "if v_order.status <> 'quarantined' then",
      "if false then",
      "a payment is declared dead while a run asks about it",
    ],
    [
      "declares-the-living-dead",
      "if not lapse.needs_operator(p_reason => v_payment.reason) then",
      "if false then",
      "an operator's word ends a payment that is on its way",
    ],
    [
      "word-without-a-trace",
      "'declared_by', p_requested_by, 'declared_because', p_reason,",
      "",
      "nobody knows who declared a payment dead",
    ],
    [
      "declared-and-forgotten",
      "  perform lapse.make_due(\n    p_order => v_order, p_now => p_now,\n    p_reason => format('redriven by %s: %s declared dead",
      "  perform format(\n    coalesce(v_order.ref, p_now::text,\n    '') || format('redriven by %s: %s declared dead",
      "an order stays quarantined although its payment was declared dead",
    ],
    [
      "expired-over-money",
      "when p_as = 'expired' then lapse.expiry_obstacle(p_ref => p_ref)\n",
      "",
      "an operator's word expires an order that is paid",
      RESOLVE,
    ],
    [
      "money-on-its-way",
      "'processing', 'requires_capture', 'voucher_open',",
      "'voucher_open',",
      "an operator's word expires an order whose money is on its way",
      RESOLVE,
    ],
    [
      "part-of-the-money",
      "or p.reason is distinct from 'disputed' and p.evidence ->> 'amount_received' ~ '[1-9]'",
      "",
      "an operator's word expires an order that is paid in part",
      RESOLVE,
    ],
    [
      "paid-without-money",
      "when v_shop in ('closed', 'gone') and not exists",
      "when false and not exists",
      "an operator's word pays an order that its shop closed",
      RESOLVE,
    ],
    [
      "resolves-the-closed",
      "when v_order.status in ('paid', 'expired') then 'it is ' || v_order.status\n",
      "",
      "an operator's word opens an order that is closed",
      RESOLVE,
    ],
    [
      "expires-the-pending",
      "when p_as = 'expired' and v_order.status <> 'quarantined' then format('it is %s, not quarantined', v_order.status)\n",
      "",
      "an operator's word ends an order whose customer may still pay",
      RESOLVE,
    ],
    [
      "paid-in-the-ledger-alone",
      "if v_shop = 'open' then\n    perform lapse.finish",
      "if false then\n    perform lapse.finish",
      "an order is paid in the ledger and open in the shop",
      RESOLVE,
    ],
    [
      "resolved-leftovers",
      "next_check_at = case when exists (select from lapse.payments p where p.ref = o.ref and p.state = 'open') then p_now end,",
      "next_check_at = null,",
      "a second payment of a resolved order can be paid forever",
      RESOLVE,
    ],
    [
      "resolved-without-a-trace",
      "p_decisions => array[row('order', p_ref, null, 'paid', 'operator_word', 0, null, null)::lapse.decision]",
      "p_decisions => array[]::lapse.decision[]",
      "nobody knows who resolved an order",
      RESOLVE,
    ],
  ]),
];
