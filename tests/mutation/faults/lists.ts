import { type Fault, faultsIn } from "../fault.ts";

const WINDOWS = ["database/list_windows"];
const RECORD = ["database/record_listed"];

/** Cursors over Stripe's lists, and what was found in them. */
export const LIST_FAULTS: Fault[] = [
  ...faultsIn("migrations/20261129001600_list_cursors.sql", WINDOWS, [
    [
      "lists-read-each-tick",
      "having greatest(max(d.next_check_at), lapse.lists_needed_to(p_run => p_run)) >= coalesce((",
      "having true or max(d.next_check_at) >= coalesce((",
      "every continuation reads the lists again",
    ],
    [
      "old-list-believed",
      "having greatest(max(d.next_check_at), lapse.lists_needed_to(p_run => p_run)) >= coalesce((",
      "having max(d.next_check_at) >= coalesce((",
      "orders that were due long ago are never closed, as nobody reads their list again",
    ],
    [
      "list-of-yesterday-suffices",
      "(p_run).started_at - interval '5 minutes'",
      "(p_run).started_at - interval '1 day'",
      "an order is closed although its customer paid since its list was read",
    ],
    [
      "one-list-is-read-far-enough",
      "p_livemode having count(*) = 2",
      "p_livemode having count(*) >= 1",
      "the second list of an account is never made",
    ],
    [
      "one-order-reads-all",
      "if (p_run).ref is not null then",
      "if false then",
      "a run of one order reads the lists of every account",
    ],
    [
      "cleanup-reads-busy-accounts-only",
      "      select c.account from lapse.list_cursors c where c.livemode = p_livemode\n      union\n",
      "",
      "payments of an account without orders are never found",
    ],
    [
      "cursor-begins-now",
      "least(p_now, greatest(p_now - s.list_reach, coalesce((",
      "least(p_now, greatest(p_now, coalesce((",
      "payments of open orders are never listed",
    ],
    [
      "cursor-begins-anywhere",
      "least(p_now, greatest(p_now - s.list_reach, coalesce((",
      "least(p_now, greatest(timestamptz '1970-01-01', coalesce((",
      "the first run reads the lists of years",
    ],
    [
      "windows-unfenced",
      "v_run lapse.runs := lapse.hold_lease(p_run_id => p_run_id, p_fence => p_fence, p_now => p_now);",
      "v_run lapse.runs := (select r from lapse.runs r where r.id = p_run_id);",
      "a run that lost its lease reads on",
      ["database/fencing"],
    ],
    [
      "mode-unnoted",
      "  update lapse.runs r set livemode = p_livemode where r.id = p_run_id;\n",
      "",
      "a run goes by the lists of another mode",
      ["database/list_windows", "database/claim_orders", "database/pace"],
    ],
    [
      "newest-list-first",
      "order by c.read_to, c.account, c.list",
      "order by c.read_to desc, c.account, c.list",
      "the list that holds up most orders is read last",
    ],
    [
      "failing-since-now",
      "failing_since = coalesce(c.failing_since, p_now)",
      "failing_since = p_now",
      "a list that fails for hours is never critical",
    ],
    [
      "failure-unfenced",
      "  perform lapse.hold_lease(p_run_id => p_run_id, p_fence => p_fence, p_now => p_now);\n  update lapse.list_cursors c\n  set failing",
      "  update lapse.list_cursors c\n  set failing",
      "a run that lost its lease marks lists as failed",
      ["database/fencing"],
    ],
    [
      "failure-of-both-modes",
      "where c.account = coalesce(p_account, '') and c.livemode = p_livemode and c.list = p_list;",
      "where c.account = coalesce(p_account, '') and c.list = p_list;",
      "a test key that fails makes live orders wait",
    ],
  ]),
  ...faultsIn("migrations/20261129001650_record_listed.sql", RECORD, [
    [
      "record-unfenced",
      "  perform lapse.hold_lease(p_run_id => p_run_id, p_fence => p_fence, p_now => p_now);\n",
      "",
      "a run that lost its lease moves cursors",
      ["database/fencing"],
    ],
    [
      "capitals-unread",
      "coalesce(o.ref, lapse.canonical_ref(x.ref))",
      "x.ref",
      "a payment that names its order in capitals is nobody's",
    ],
    [
      "own-spelling-lost",
      "coalesce(o.ref, lapse.canonical_ref(x.ref))",
      "lapse.canonical_ref(x.ref)",
      "a payment of a shop that writes capitals is nobody's",
    ],
    [
      "listed-open-not-adopted",
      "where e.value = 'open' order by e.key), p_now",
      "where false order by e.key), p_now",
      "an open order that no trigger noted has its payment cancelled as nobody's",
    ],
    [
      "paid-money-is-late",
      "where not coalesce(v_shop ->> (l ->> 'ref') = 'paid' and (l -> 'money')::boolean, false)",
      "where true",
      "each payment of a paid order is reported as late money",
    ],
    [
      "young-is-stale",
      "else s.stale_age end as due",
      "else interval '0' end as due",
      "a customer who is about to pay is cancelled",
    ],
    [
      "money-waits",
      "case when (l -> 'money')::boolean then interval '0' else",
      "case when false then interval '0' else",
      "money for an order that does not exist is told a week later",
    ],
    [
      "gap-passed-over",
      "case when c.read_to >= p_from then",
      "case when true then",
      "payments between two windows are never recorded",
    ],
    [
      "cursor-goes-back",
      "greatest(c.read_to, least(p_to, p_now))",
      "least(p_to, p_now)",
      "two jobs set each other's cursor back",
    ],
    [
      "cursor-ahead-of-time",
      "greatest(c.read_to, least(p_to, p_now))",
      "greatest(c.read_to, p_to)",
      "a clock that is ahead lets orders be closed whose payments are not listed yet",
    ],
    [
      "anything-proves-the-key",
      "e where e.value <> 'gone') then p_now",
      "e) then p_now",
      "with another shop's key that shop's payments are cancelled",
    ],
    [
      "read-list-stays-failed",
      "failing_since = null,\n      error = null",
      "failing_since = c.failing_since,\n      error = null",
      "an alert about a list stays open that is read again",
    ],
    [
      "listed-is-attached",
      "p_source => 'list', p_now => p_now",
      "p_source => 'server', p_now => p_now",
      "any key proves itself by its own payments",
    ],
    [
      "listed-unlocked",
      "from lapse.lock_shop_orders(p_refs => v_asked, p_wait => false) s;",
      "from lapse.lock_shop_orders(p_refs => v_asked, p_wait => true) s;",
      "a list waits for a checkout that holds its row",
      ["database/giving_way"],
    ],
  ]),
];
