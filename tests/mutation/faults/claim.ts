import { type Fault, faultsIn } from "../fault.ts";

const CLAIM = ["database/claim_orders", "database/claim_without_payments"];
const FENCING = ["database/fencing"];
const HOLD = "lapse.hold_lease(p_run_id => p_run_id, p_fence => p_fence, p_now => p_now)";
const UNFENCED = "(select r from lapse.runs r where r.id = p_run_id)";

/** How a run takes orders. */
export const CLAIM_FAULTS: Fault[] = [
  ...faultsIn("migrations/20261129001300_claim.sql", CLAIM, [
    [
      "claim-before-its-time",
      "and o.next_check_at <= p_due_by and o.status <> 'unknown'",
      "and o.status <> 'unknown'",
      "orders are cancelled before their deadline",
    ],
    [
      "claim-ignores-lists",
      "or o.payments > 0 and ( select o.run_id is not null or o.next_check_at < min(c.read_to)",
      "or o.payments > 0 and ( select true",
      "an order is closed while a payment that was never attached can be paid",
    ],
    [
      "claim-by-one-list",
      "having count(*) = 2 and min(c.read_to) > v_needed_to ) ) order by",
      "having count(*) >= 1 and min(c.read_to) > v_needed_to ) ) order by",
      "an order is closed although its sessions were never listed",
    ],
    [
      "claim-by-the-later-list",
      "or o.payments > 0 and ( select o.run_id is not null or o.next_check_at < min(c.read_to)",
      "or o.payments > 0 and ( select o.run_id is not null or o.next_check_at < max(c.read_to)",
      "an order is closed although one of its lists is behind",
    ],
    [
      "claim-by-another-mode",
      "where c.account = o.account and c.livemode = v_livemode having count(*) = 2 and min(c.read_to) > v_needed_to ) ) order by",
      "where c.account = o.account having count(*) >= 2 and min(c.read_to) > v_needed_to ) ) order by",
      "test lists let live orders be closed",
    ],
    [
      "claim-by-another-account",
      "where c.account = o.account and c.livemode = v_livemode having count(*) = 2 and min(c.read_to) > v_needed_to ) ) order by",
      "where c.account = '' and c.livemode = v_livemode having count(*) = 2 and min(c.read_to) > v_needed_to ) ) order by",
      "the platform's lists let a connected account's orders be closed",
    ],
    [
      "claim-by-an-old-list",
      "having count(*) = 2 and min(c.read_to) > v_needed_to ) ) order by",
      "having count(*) = 2 ) ) order by",
      "an order that was due when a backup was made is closed although its customer paid since",
    ],
    [
      "one-claimed-by-an-old-list",
      "having count(*) = 2 and min(c.read_to) > v_needed_to ) ) for no key update",
      "having count(*) = 2 ) ) for no key update",
      "an operator closes an order whose customer paid since its list was read",
    ],
    [
      "expired-claim-reads-on",
      "or o.payments > 0 and ( select o.run_id is not null or o.next_check_at < min(c.read_to)",
      "or o.payments > 0 and ( select o.next_check_at < min(c.read_to)",
      "the orders of a dead run wait a minute more",
    ],
    [
      "unpaid-claimed-one-by-one",
      "or o.payments > 0 and ( select o.run_id",
      "or ( select o.run_id",
      "orders without payments cost as much as the others",
    ],
    [
      "newest-first",
      "order by o.next_check_at, o.ref\n      limit p_limit\n      for no key update of o skip locked\n    );\n  elsif",
      "order by o.next_check_at desc, o.ref\n      limit p_limit\n      for no key update of o skip locked\n    );\n  elsif",
      "the oldest orders never come",
    ],
    [
      "claim-waits",
      "      for no key update of o skip locked\n    );\n  elsif",
      "      for no key update of o\n    );\n  elsif",
      "one busy order holds up the run",
      ["integration/turns_test.ts", "integration/races_test.ts"],
    ],
    [
      "cleanup-claims-quarantined",
      "and o.next_check_at <= p_due_by and o.status in ('expired', 'paid', 'unknown')",
      "and o.next_check_at <= p_due_by and o.status in ('expired', 'paid', 'unknown', 'quarantined')",
      "the clean-up works on orders that wait for an operator",
    ],
    [
      "cleanup-claims-open",
      "and o.next_check_at <= p_due_by and o.status in ('expired', 'paid', 'unknown')",
      "and o.next_check_at <= p_due_by",
      "both jobs work on an order",
    ],
    [
      "unknown-unasked",
      "and (o.status <> 'unknown' or o.ref = any (p_asked))",
      "",
      "payments of an order that is open in the shop are cancelled",
    ],
    [
      "lapse-uncounted",
      "failures = o.failures + (o.run_id is not null)::integer,",
      "",
      "an order that kills its run kills every run",
    ],
    ["attempts-unnumbered", "attempt = o.attempt + 1,", "", "a run that lost an order settles it all the same"],
    [
      "claim-without-end",
      "next_check_at = p_until",
      "next_check_at = p_until + interval '1 year'",
      "an order of a run that died is never looked at again",
    ],
    [
      "one-before-its-time",
      "where o.ref = p_ref and o.next_check_at <= p_now and",
      "where o.ref = p_ref and",
      "a run of one order cancels the payment of a customer who may still pay",
      ["database/sync_order", "database/claim_orders"],
    ],
    [
      "no-caution",
      "if v_dead.deaths > 0 then",
      "if false then",
      "an order that kills its run quarantines hundreds with it",
    ],
    [
      "caution-never-grows",
      "power(4, v_dead.deaths)",
      "power(4, 1)",
      "an order that kills its run quarantines dozens with it",
    ],
    [
      "caution-for-all",
      "p_due_by => least(p_now, v_dead.since)",
      "p_due_by => timestamptz '-infinity'",
      "after a death every order is claimed by the dozen",
    ],
  ]),
  ...faultsIn("migrations/20261129001320_claimed_orders.sql", CLAIM, [
    [
      "everything-is-the-shops",
      "'source', p.source,",
      "'source', 'server',",
      "a payment that a customer noted is trusted",
    ],
    [
      "unknown-is-gone",
      "when o.status = 'unknown' then p_shop ->> o.ref end",
      "when o.status = 'unknown' then 'gone' end",
      "payments of an order that the shop closed look like nobody's",
    ],
    [
      "open-not-adopted",
      `if v_states @? '$.* ? (@ == "open")' then`,
      "if false then",
      "an open order that no trigger noted is never watched",
    ],
    [
      "broken-adapter-stops-the-cleanup",
      "raise warning 'Cannot ask the shop about % orders that Lapse does not know: %', cardinality(v_refs), sqlerrm;\n      return",
      "raise;\n      return",
      "a shop whose adapter fails has no payment cancelled",
    ],
    [
      "amounts-as-text",
      "case when p.evidence ->> 'amount_received' ~ '^\\d{1,18}$' then",
      "case when true then",
      "one odd amount stops every claim",
      ["database/claim_orders", "database/settle_orders"],
    ],
  ]),
  ...faultsIn("migrations/20261129001340_claim_orders.sql", CLAIM, [
    [
      "claims-unfenced",
      `c_turns constant integer := 100;\n  v_run lapse.runs := ${HOLD};`,
      `c_turns constant integer := 100;\n  v_run lapse.runs := ${UNFENCED};`,
      "a run that lost its lease claims orders",
      FENCING,
    ],
    [
      "claims-unfenced-one-by-one",
      `v_run lapse.runs := ${HOLD};\n  v_until`,
      `v_run lapse.runs := ${UNFENCED};\n  v_until`,
      "a run that lost its lease claims orders",
      FENCING,
    ],
    [
      "claims-before-folding",
      "perform lapse.fold_inbox(p_refs => null, p_limit => 10000, p_now => p_now);",
      "perform 1;",
      "a payment that the shop's trigger noted is not inspected",
      ["database/claim_orders", "database/inbox"],
    ],
    [
      "cleanup-meets-no-brake",
      "if v_run.job = 'cleanup-stale-payment-intents' and v_run.ref is null and lapse.brake_reason",
      "if false and lapse.brake_reason",
      "the first clean-up of an old account cancels ten thousand payments",
    ],
    [
      "brake-forgotten-at-the-end",
      "update lapse.jobs j set brake_on = true where j.job = v_run.job;",
      "",
      "a run that met the brake is continued",
    ],
    [
      "hopeless-claimed",
      "o.ref = any (v_refs) and o.failures >= v_settings.max_attempts",
      "o.ref = any (v_refs) and false",
      "an order that kills its run kills every run",
    ],
    [
      "one-attempt-more",
      "o.failures >= v_settings.max_attempts",
      "o.failures > v_settings.max_attempts",
      "an order gets an attempt more than the setting says",
    ],
    [
      "hopeless-hide-others",
      "exit when v_refs <> '{}';",
      "exit;",
      "orders that kill their runs hide the ones behind them",
    ],
    [
      "given-up-untold",
      "  perform lapse.record_decisions(p_run => p_run, p_decisions => v_decisions, p_now => p_now);\n",
      "",
      "nobody can read why an order was quarantined",
    ],
    [
      "given-up-unheard",
      "if cardinality(p_refs) > coalesce(cardinality(v_decisions), 0) then",
      "if false then",
      "a payment over which runs die is not reported",
    ],
    [
      "one-claims-all",
      "when v_run.ref is null\n        then",
      "when true\n        then",
      "a run for one order works on all",
    ],
    [
      "one-claims-all-one-by-one",
      "if v_run.ref is null and v_run.job = 'expire-stale-orders' then",
      "if v_run.job = 'expire-stale-orders' then",
      "a run for one order works on all",
    ],
  ]),
];
