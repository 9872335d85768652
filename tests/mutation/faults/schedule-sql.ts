import { faultsIn } from "../fault.ts";

const FIRED = ["tests/platform/schedule/fired_run_test.ts", "tests/platform/watch/dispatch_alerts_test.ts"];
const SETTINGS = ["tests/platform/schedule/settings_test.ts"];
const SLOTS = ["tests/platform/schedule/slots_test.ts"];
const LOST = ["tests/platform/watch/lost_runs_test.ts"];
const CHAINS = ["tests/platform/watch/broken_chains_test.ts"];

/** From a tick to a run, and from a run that never came to the next one. */
export const SCHEDULE_SQL_FAULTS = [
  ...faultsIn("migrations/20261122093100_schedule_dispatch.sql", [
    ["url-without-job", "url => v_url || '/' || p_job", "url => v_url", "no tick reaches its function", FIRED],
    ["secret-unsent", "'x-jobs-secret', v_secret", "'x-job-secret', v_secret", "each tick is refused", FIRED],
    [
      "run-unnamed",
      "jsonb_build_object('runId', v_run_id)",
      "'{}'::jsonb",
      "a request that is delivered twice is two runs",
      FIRED,
    ],
    [
      "slow-requests",
      "timeout_milliseconds => 5000",
      "timeout_milliseconds => 60000",
      "a slow function holds up all webhooks of the shop",
      FIRED,
    ],
    [
      "release-not-handed-on",
      "coalesce(c.brake_released, false)",
      "false",
      "a released sweep meets the brake again at its continuation",
      CHAINS,
    ],
    [
      "reason-not-handed-on",
      "'pg_cron', c.id, c.reason,",
      "'pg_cron', c.id, null,",
      "nobody reads why a run was released",
      CHAINS,
    ],
    [
      "limit-not-handed-on",
      "case when c.item_limit is not null then greatest(1, c.item_limit - case p_job",
      "case when false then greatest(1, c.item_limit - case p_job",
      "an operator who asked for ten gets all",
      CHAINS,
    ],
    [
      "limit-starts-anew",
      "else c.payment_intents_canceled + c.checkout_sessions_expired\n",
      "else 0\n",
      "an operator who asked for ten gets ten of each continuation",
      CHAINS,
    ],
    [
      "continued-twice",
      "select r.id into v_next from public.job_runs r where r.continues = p_run_id;",
      "select r.id into v_next from public.job_runs r where false;",
      "a run whose answer got lost has two continuations",
      CHAINS,
    ],
    [
      "paused-goes-on",
      "where s.job = v_run.job and not s.active) then",
      "where false) then",
      "an operator cannot stop a sweep",
      SETTINGS,
    ],
    [
      "one-order-becomes-all",
      "update public.job_runs r set order_id = v_run.order_id where r.id = v_next and v_run.order_id is not null;",
      "",
      "a run about one order goes on with all",
      [
        "tests/integration/kinds_of_orders_test.ts",
        "tests/platform/schedule/fired_run_test.ts",
        "tests/platform/watch/run_alerts_test.ts",
      ],
    ],
    [
      "any-run-continues",
      "if not found or v_run.status <> 'partial' then",
      "if not found then",
      "a run that was done goes on",
      [...CHAINS, ...FIRED],
    ],
  ]),
  ...faultsIn("migrations/20261122093300_schedule_slots.sql", [
    [
      "slot-in-utc",
      "v_slot_at timestamptz := (v_day + p_schedule.local_time) at time zone p_schedule.time_zone;",
      "v_slot_at timestamptz := (v_day + p_schedule.local_time) at time zone 'UTC';",
      "the clean-up runs an hour or two late",
      SLOTS,
    ],
    [
      "day-in-utc",
      "v_today date := (p_now at time zone p_schedule.time_zone)::date;",
      "v_today date := (p_now at time zone 'UTC')::date;",
      "the slot of a Sunday that has begun is missed",
      SLOTS,
    ],
    ["slot-of-the-future", "if v_slot_at > p_now then", "if false then", "the clean-up runs before its time", SLOTS],
    [
      "slot-each-tick",
      "values (p_job, v_slot_at, p_now) on conflict do nothing;\n  if not found then",
      "values (p_job, v_slot_at, p_now) on conflict do nothing;\n  if false then",
      "the clean-up runs at each tick",
      SLOTS,
    ],
    [
      "slot-caught-up-for-ever",
      "v_slot_at < p_now - v_schedule.catch_up or ",
      "",
      "a slot of last week runs on a Friday evening",
      SLOTS,
    ],
    [
      "slot-before-its-schedule",
      " or v_slot_at < v_schedule.created_at then",
      " then",
      "an installation on a Monday cleans up at once",
      SLOTS,
    ],
    [
      "slot-without-run",
      "  update jobs.schedule_slots s set run_id = v_run_id where s.job = p_job and s.slot_at = v_slot_at;\n",
      "",
      "a slot whose run got lost is never made up for",
      SLOTS,
    ],
    ["slot-of-any-job", "and s.time_zone is not null;", ";", "a job without a weekly time is dispatched", SLOTS],
  ]),
  ...faultsIn("migrations/20261122094200_watch_lost_runs.sql", [
    [
      "old-answer-taken",
      "and r.created between p_sent_at - interval '1 minute' and p_sent_at + interval '1 hour'",
      "",
      "a run is told the answer of another one",
      LOST,
    ],
    [
      "answers-waited-for",
      "r.created_at > p_now - interval '6 hours'\n    -- A run that is settling holds its row for a while; its answer can wait for the next watch.\n    for update of r skip locked",
      "r.created_at > p_now - interval '6 hours'\n    for update of r",
      "the watch waits for a run that settles",
      LOST,
    ],
    [
      "never-lost",
      "r.created_at < p_now - v_settings.start_patience\n",
      "false\n",
      "a request that got lost is never noticed",
      LOST,
    ],
    [
      "lost-at-once",
      "r.created_at < p_now - v_settings.start_patience\n",
      "true\n",
      "a run is lost before it could begin",
      LOST,
    ],
    [
      "begin-waited-for",
      "    for update skip locked\n  ),\n  lost as (",
      "    for update\n  ),\n  lost as (",
      "the watch waits for a run that begins",
      LOST,
    ],
    [
      "slot-of-lost-kept",
      "where s.run_id = any (v_never_started)\n    or ",
      "where ",
      "a lost clean-up is made up for in a week",
      LOST,
    ],
    [
      "slot-of-skipped-kept",
      "exists (select from public.job_runs r where r.id = s.run_id and r.status = 'skipped')",
      "false",
      "a clean-up that met another run is made up for in a week",
      LOST,
    ],
    [
      "lease-never-lapses",
      "where l.run_id is not null and l.lease_until < p_now",
      "where false",
      "a run that died is running for ever",
      LOST,
    ],
    [
      "lease-not-given-back",
      "update jobs.leases l set run_id = null from lapsed d where l.job = d.job",
      "select from lapsed",
      "a dead run keeps its lease",
      LOST,
    ],
    [
      "dry-run-never-lost",
      "where r.finished_at is null and r.status = 'running'\n      and",
      "where false\n      and",
      "a dry run that died is running for ever",
      LOST,
    ],
    [
      "dry-run-lost-early",
      "r.heartbeat_at < p_now - v_settings.lease - make_interval(secs => v_settings.run_seconds)",
      "r.heartbeat_at < p_now - v_settings.lease",
      "a dry run that is still at work is lost",
      LOST,
    ],
  ]),
];
