import { type Fault, faultsIn } from "../fault.ts";

const RUNS = ["platform/watch/run_alerts_test.ts"];
const ORDERS = ["platform/watch/order_alerts_test.ts"];
const LOST = ["platform/watch/lost_runs_test.ts"];
const CHAINS = ["platform/watch/broken_chains_test.ts"];
const PARTS = ["platform/watch/watch_test.ts"];
const WEBHOOK = ["platform/watch/webhook_test.ts"];
const RETENTION = ["platform/watch/retention_test.ts"];
const PROMISES = ["platform/watch/promises_test.ts"];

/** What notices that something did not happen. */
export const WATCH_FAULTS: Fault[] = [
  ...faultsIn("migrations/20261129003050_watch_lost_runs.sql", LOST, [
    [
      "answer-of-another",
      "or strpos(a.content, r.id::text) > 0)",
      "or true)",
      "a run counts as accepted by an answer that was another's",
    ],
    [
      "answer-of-another-life",
      "and r.created between p_sent_at - interval '1 minute' and p_sent_at + interval '10 minutes'",
      "",
      "an answer of before a crash is taken for a run's",
    ],
    [
      "never-started-unseen",
      "where r.finished_at is null and r.status = 'queued' and r.created_at < p_now - v_settings.start_patience",
      "where false",
      "a run that never began is queued forever",
    ],
    [
      "lapsed-lease-unseen",
      "where j.run_id is not null and j.lease_until < p_now",
      "where false",
      "a run that died runs on in the tables",
    ],
    [
      "living-run-lost",
      "where j.run_id is not null and j.lease_until < p_now",
      "where j.run_id is not null",
      "a run that works is called lost",
    ],
    [
      "silent-dry-run-unseen",
      "and r.heartbeat_at < p_now - v_settings.lease - make_interval(secs => v_settings.run_seconds)",
      "and false",
      "a dry run that died runs on in the tables",
    ],
    [
      "future-lease-kept",
      "where j.run_id is not null and j.lease_until > p_now + interval '1 hour 1 minute'",
      "where false",
      "a clock that was set back keeps a job from working for a day",
    ],
  ]),
  ...faultsIn("migrations/20261129003100_watch_chains.sql", CHAINS, [
    [
      "chains-not-resumed",
      "where s.active and s.time_zone is not null",
      "where false",
      "a clean-up whose continuation got lost ends in the middle",
    ],
    ["done-is-continued", "where d.backlog > 0", "where true", "a clean-up that completed is continued"],
    [
      "limit-is-continued",
      "and (l.item_limit is null or l.item_limit > l.payment_intents_canceled + l.checkout_sessions_expired)",
      "",
      "a run that reached its limit continues",
    ],
    ["breaks-for-ever", ") < g.alert_after;", ") < 1000000;", "a clean-up that breaks is resumed forever"],
    [
      "two-continuations",
      "if not exists (select from lapse.runs r where r.continues = v_link.id) then",
      "if true then",
      "two runs continue one",
      ["database/watch"],
    ],
    [
      "resumed-beside-another",
      "and not exists (select from lapse.runs r where r.job = l.job and r.finished_at is null and not r.dry_run)",
      "",
      "a clean-up is continued while another works",
    ],
  ]),
  ...faultsIn("migrations/20261129003150_watch_lateness.sql", RUNS, [
    [
      "never-late",
      "from lapse.run_lateness(p_now) l where l.late;",
      "from lapse.run_lateness(p_now) l where false;",
      "a job that does not run goes unnoticed",
    ],
    [
      "dry-run-is-a-run",
      "where r.job = s.job and r.status in ('succeeded', 'partial') and not r.dry_run and r.ref is null order by r.finished_at desc",
      "where r.job = s.job and r.status in ('succeeded', 'partial') order by r.finished_at desc",
      "a job that does not run looks alive because somebody looked",
    ],
    [
      "late-while-paused",
      "when s.time_zone is null then s.active and e.expected_after > s.changed_at",
      "when s.time_zone is null then e.expected_after > s.changed_at",
      "a job that was paused raises an alert",
    ],
    [
      "late-at-once",
      "p_count => g.alert_after + 1) t (tick) having count(*) > g.alert_after",
      "p_count => 1) t (tick) having count(*) > 0",
      "a run that takes a minute raises an alert",
    ],
    [
      "before-it-was-enabled",
      "where s.enabled_at is not null and s.job in",
      "where s.job in",
      "an installation without orders raises alerts",
      ["database/watch"],
    ],
  ]),
  ...faultsIn("migrations/20261129003200_watch_runs.sql", RUNS, [
    [
      "failing-unseen",
      "having count(*) = g.alert_after and bool_and(r.status in ('failed', 'lost'));",
      "having false;",
      "a job whose runs all fail raises no alarm",
    ],
    [
      "one-failure-is-failing",
      "having count(*) = g.alert_after and bool_and(r.status in ('failed', 'lost'));",
      "having count(*) = g.alert_after and bool_or(r.status in ('failed', 'lost'));",
      "one failed run wakes an operator",
    ],
    [
      "refusal-unseen-by-the-watch",
      "and r.started_at is null and not exists ( select from lapse.runs c",
      "and false and not exists ( select from lapse.runs c",
      "a wrong secret stops the jobs, without an alert",
      ["platform/watch/dispatch_alerts_test.ts"],
    ],
    [
      "backlog-unseen",
      "bool_and(e.grew is not false) and max(e.backlog) > g.backlog_alert;",
      "false;",
      "a backlog that grows goes unnoticed",
    ],
    [
      "any-backlog-wakes",
      "bool_and(e.grew is not false) and max(e.backlog) > g.backlog_alert;",
      "bool_and(e.grew is not false);",
      "two orders that fall due wake an operator",
    ],
    ["throttles-unseen", "having count(*) > 1;", "having false;", "a shop at Stripe's limit goes unnoticed"],
    ["one-throttle-wakes", "having count(*) > 1;", "having count(*) > 0;", "one busy second wakes an operator"],
  ]),
  ...faultsIn("migrations/20261129003250_watch_schedule.sql", ["platform/watch/schedule_alerts_test.ts"], [
    [
      "paused-ticks-unseen",
      "when not s.active and j.active then 'The schedule of %s is paused and still ticks'",
      "",
      "a job that was paused ticks on",
    ],
    [
      "missing-unseen",
      "when j.jobid is null then 'pg_cron has no schedule for %s'",
      "when j.jobid is null then null",
      "after a restore nothing runs, without an alert",
    ],
    [
      "other-command-unseen",
      "when (j.schedule, j.command) is distinct from (s.cron, lapse.schedule_command(s)) then 'pg_cron runs another schedule or command for %s'",
      "",
      "a schedule that somebody changed by hand goes unnoticed",
    ],
    [
      "failed-tick-unseen",
      "where s.active and t.status = 'failed';",
      "where false;",
      "ticks that fail go unnoticed",
    ],
  ]),
  ...faultsIn("migrations/20261129003300_watch_orders.sql", ORDERS, [
    [
      "brake-closes-itself",
      "j.brake_on or lapse.first_due",
      "false and lapse.first_due",
      "the brake is on, and its alert is closed",
    ],
    [
      "release-forgotten",
      "p_released_at => ( select max(r.brake_released_at)",
      "p_released_at => ( select min(null::timestamptz)",
      "an operator released the brake, and its alert comes back",
      ["database/watch"],
    ],
    [
      "overdue-unseen",
      "where d.due_since < p_now - g.overdue_after;",
      "where false;",
      "an order that waits for hours goes unnoticed",
      [...RUNS, ...ORDERS],
    ],
    [
      "overdue-at-once",
      "where d.due_since < p_now - g.overdue_after;",
      "where d.due_since < p_now;",
      "each order that falls due wakes an operator",
      [...RUNS, ...ORDERS],
    ],
    [
      "quarantine-unheard",
      "from (select * from lapse.orders r where r.status = 'quarantined' order by r.ref limit 100000) o",
      "from (select * from lapse.orders r where false order by r.ref limit 100000) o",
      "quarantined orders go unnoticed",
    ],
    [
      "adapter-unseen",
      "from lapse.adapter_problem() x (problem) where x.problem is not null",
      "from lapse.adapter_problem() x (problem) where false",
      "a missing adapter goes unnoticed",
    ],
    [
      "inbox-unseen",
      "where e.error is not null order by e.id limit 20",
      "where false order by e.id limit 20",
      "entries that cannot be read go unnoticed",
    ],
    [
      "list-unseen",
      "where f.failing_since is not null and f.livemode = lapse.mode_of_runs()",
      "where false",
      "a list that cannot be read goes unnoticed",
    ],
    [
      "list-never-critical",
      "case when min(c.failing_since) < p_now - min(g.overdue_after) then 'critical' else 'warning' end",
      "'warning'",
      "orders that wait for a list for hours wake nobody",
    ],
  ]),
  ...faultsIn("migrations/20261129003350_watch_promises.sql", PROMISES, [
    [
      "miscount-unseen",
      "r.payments_kept, r.late_payments ) is distinct from (",
      "r.payments_kept, r.late_payments ) is null and row(1, 1, 1, 1, 1, 1, 1, 1, 1, 1) is distinct from (",
      "counters that lie go unnoticed",
    ],
    [
      "missed-order-not-adopted",
      "perform lapse.adopt_orders(p_limit => 1000, p_now => p_now);",
      "perform 1;",
      "an order that no trigger noted holds stock forever",
    ],
    [
      "drift-unseen",
      "from lapse.drift() d having count(*) > 0;",
      "from lapse.drift() d having false;",
      "a shop and a ledger that disagree go unnoticed",
    ],
    [
      "open-doors-unseen",
      "from lapse.privilege_problems() p (sentence) having count(*) > 0;",
      "from lapse.privilege_problems() p (sentence) having false;",
      "what a restore left open goes unnoticed",
      ["platform/watch/promises_test.ts", "database/privileges"],
    ],
  ]),
  ...faultsIn("migrations/20261129003400_alert_webhook.sql", WEBHOOK, [
    [
      "refused-is-delivered",
      "coalesce(a.status between 200 and 299, false) as delivered",
      "a.status is not null as delivered",
      "a webhook that refuses alerts is told each once",
    ],
    [
      "never-sent-again",
      "and (a.status is not null or a.error is not null or m.sent_at < p_now - g.start_patience)",
      "and (a.status is not null or a.error is not null)",
      "an alert whose answer got lost is never sent",
    ],
    [
      "markup-told",
      "replace(replace(replace(p_text, '&', '&amp;'), '<', '&lt;'), '>', '&gt;')",
      "p_text",
      "a text of a shop's rings everybody in Slack",
    ],
    [
      "flood",
      "order by m.alert_id, m.state limit 20",
      "order by m.alert_id, m.state",
      "a thousand alerts fill the queue of the shop's webhooks",
    ],
    [
      "worse-untold",
      "a.severity = 'critical' and m.told_severity = 'warning'",
      "false",
      "a warning that becomes critical is not sent",
    ],
    [
      "closed-untold",
      "or exists (select from lapse.alert_messages m where m.alert_id = a.id and (m.attempts > 0 or m.repeats > 0))",
      "",
      "the end of an alert is never sent",
      ["database/watch"],
    ],
    ["any-url", "v_url := lapse.checked_url(v_url, 'lapse_alert_webhook_url');", "", "alerts travel in clear"],
    ["told-once", "or m.delivered_at <= p_now - interval '1 day'", "", "an alert that stays open is forgotten"],
    [
      "key-in-the-address",
      "case when x.routing_key is null then p_url else split_part(p_url, '?', 1) end",
      "p_url",
      "PagerDuty's key is in an address that proxies log",
    ],
  ]),
  ...faultsIn("migrations/20261129000250_alerts.sql", [...RUNS, "platform/watch/alert_texts_test.ts"], [
    [
      "one-incident-many-alerts",
      "if v_part_of is not null then",
      "if false then",
      "a wrong secret rings five times",
    ],
    [
      "warning-hides-critical",
      "and (a.severity = 'critical' or p_severity = 'warning')",
      "",
      "a failed run hides that none has completed",
    ],
    [
      "ref-unquoted",
      "when x.ref ~ '^[A-Za-z0-9_.:@/+][A-Za-z0-9_.:@/+-]*$' then x.ref",
      "when true then x.ref",
      "a command to copy does what a customer wrote",
    ],
  ]),
  ...faultsIn("migrations/20261129003450_ping.sql", ["platform/watch/ping_test.ts"], [
    [
      "pinged-while-ill",
      "if p_state = 'success' and lapse.health(p_now => p_now) -> 'reasons' <> '[]' then",
      "if false then",
      "the dead man's switch is content while nothing works",
    ],
    [
      "ping-stops-runs",
      "exception when others then perform",
      "exception when no_data then perform",
      "a malformed address stops every run",
    ],
    [
      "ping-failure-unseen",
      "where v_problem is null and p.failures > 0 and",
      "where false and",
      "a switch that cannot be called goes unnoticed",
    ],
    [
      "dry-run-pings",
      "if (p_run).dry_run or (p_run).ref is not null then",
      "if false then",
      "a dry run calls for a job that stands still",
    ],
  ]),
  ...faultsIn("migrations/20261129003500_watch.sql", PARTS, [
    [
      "part-stops-the-watch",
      "exception when others then -- the next watch tries again",
      "exception when division_by_zero and false then -- the next watch tries again",
      "one broken check silences all others",
    ],
    [
      "alert-stays-open",
      "and split_part(a.key, ':', 1) = p_kind",
      "and false",
      "an alert stays open when its cause is gone",
      [...PARTS, ...ORDERS],
    ],
    [
      "two-watches",
      "perform from lapse.watch_state w for no key update skip locked; if not found then return false;",
      "if false then return false;",
      "two watches tell each alert twice",
    ],
    [
      "cut-off-unseen",
      "if v_state.part is not null and not exists",
      "if false and not exists",
      "a part that never gets through goes unnoticed",
    ],
    [
      "cut-off-first",
      "order by p.cut_off_at is not null, p.position",
      "order by p.position",
      "a part that never gets through keeps the others from being done",
    ],
    [
      "watch-unnoted",
      "update lapse.watch_state w set watched_at = p_now where w.only_row;",
      "",
      "a watch that works looks silent",
      ["platform/watch/schedule_alerts_test.ts", "platform/watch/first_day_test.ts"],
    ],
  ]),
  ...faultsIn("migrations/20261129004000_health.sql", [
    "platform/watch/health_test.ts",
    ...RUNS,
    "platform/watch/schedule_alerts_test.ts",
    ...ORDERS,
  ], [
    [
      "healthy-without-runs",
      "where exists (select from lapse.run_lateness(p_now) l where l.late)",
      "where false",
      "health is reported as ok while no run completes",
    ],
    [
      "healthy-without-an-adapter",
      "where lapse.adapter_problem() is not null",
      "where false",
      "health is reported as ok while no run can work",
    ],
    [
      "healthy-without-a-watch",
      "and not exists (select from lapse.watch_state w where w.watched_at >= expected.earliest)",
      "and false",
      "health is reported as ok while nobody watches",
    ],
    [
      "healthy-and-overdue",
      "where exists (select from lapse.overdue_jobs(p_now))",
      "where false",
      "health is reported as ok while orders wait",
    ],
  ]),
  ...faultsIn("migrations/20261129004100_retention.sql", RETENTION, [
    [
      "others-history-deleted",
      "d.jobid in (select j.jobid from cron.job j where j.jobname like 'lapse-%')",
      "true",
      "the history of the shop's own jobs is deleted",
    ],
    [
      "decisions-before-their-run",
      "and not exists ( select from lapse.runs r where r.id = d.run_id ) as old",
      "as old",
      "the counters of a kept run cannot be counted again",
    ],
    [
      "retention-without-end",
      "return v_rows >= v_settings.retention_batch;",
      "return false;",
      "old rows grow faster than they are deleted",
    ],
    [
      "retention-in-one-piece",
      "order by o.finished_at limit p_settings.retention_batch",
      "order by o.finished_at",
      "a call holds its locks for minutes",
    ],
  ]),
  ...faultsIn("migrations/20261129000250_alerts.sql", [...WEBHOOK, ...ORDERS, ...RUNS], [
    [
      "each-sight-is-an-alert",
      "set occurrences = a.occurrences + 1,",
      "set occurrences = a.occurrences,",
      "nobody sees how often an alert was seen",
    ],
    [
      "checks-closed-by-hand",
      "if exists (select from lapse.alert_kinds k where k.code = v_alert.code and k.nature = 'check') then",
      "if false then",
      "an operator closes an alert that opens again a minute later",
    ],
    [
      "alert-closed-without-a-word",
      "if coalesce(btrim(p_reason), '') = '' or coalesce(btrim(p_requested_by), '') = '' then",
      "if false then",
      "nobody knows who closed an alert, and why",
    ],
  ]),
];
