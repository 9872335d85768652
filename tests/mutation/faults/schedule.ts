import { type Fault, faultsIn } from "../fault.ts";

const SETTINGS = ["platform/schedule/settings_test.ts"];
const SLOTS = ["database/slots"];
const CONTINUATION = ["platform/schedule/continuation_test.ts"];
const ENABLE = ["database/schedule"];

/** From a tick of pg_cron to a run. */
export const SCHEDULE_FAULTS: Fault[] = [
  ...faultsIn("migrations/20261129002000_vault.sql", SETTINGS, [
    [
      "secrets-over-http",
      "p_url !~ '^https://[^/@\\s]+(/\\S*)?$'",
      "p_url !~ '^https?://[^/@\\s]+(/\\S*)?$'",
      "the scheduler's secret travels in clear",
    ],
    [
      "missing-secret-sent",
      "if v_secret is null then raise",
      "if false then raise",
      "a tick without a secret looks like a success",
    ],
    [
      "short-secret-set",
      "if p_name = 'lapse_scheduler_secret' and length(v_secret) < 32 then",
      "if false then",
      "the functions refuse a secret that the database took",
    ],
    [
      "any-name-set",
      "or p_name not in ('lapse_functions_url', 'lapse_scheduler_secret', 'lapse_alert_webhook_url', 'lapse_ping_url')",
      "",
      "a misspelt secret is kept and never read",
    ],
    [
      "slash-doubled",
      "rtrim(lapse.read_secret('lapse_functions_url'), '/')",
      "lapse.read_secret('lapse_functions_url')",
      "a URL that ends in a slash is answered with 404",
    ],
  ]),
  ...faultsIn("migrations/20261129002200_schedules.sql", SETTINGS, [
    [
      "schedule-that-never-ticks",
      "if new.cron is not null and not exists (select from lapse.cron_ticks(p_cron => new.cron, p_until => now(), p_count => 1)) then",
      "if false then",
      "a typing error stops a job forever",
    ],
    [
      "unknown-time-zone",
      "if new.time_zone is not null and not exists (select from pg_timezone_names z where z.name = new.time_zone) then",
      "if false then",
      "a typing error fails every tick",
    ],
    [
      "change-without-effect",
      "perform lapse.install_schedules(); return null;",
      "return null;",
      "a job that was paused ticks on",
    ],
    [
      "enabled-without-an-adapter",
      "if v_problem is not null then raise exception 'Cannot enable",
      "if false then raise exception 'Cannot enable",
      "every run fails, and alerts come day and night",
      ENABLE,
    ],
    [
      "pause-ignored",
      "perform cron.alter_job(job_id => v_job_id, active => v_schedule.active);",
      "",
      "a job that was paused ticks on",
      [...ENABLE, ...SETTINGS],
    ],
    [
      "moved-slot-is-made-up-for",
      "new.enabled_at := now(); end if; if tg_op = 'UPDATE' and new.changed_at",
      "null; end if; if tg_op = 'UPDATE' and new.changed_at",
      "a slot that was moved begins at once",
      ENABLE,
    ],
  ]),
  ...faultsIn("migrations/20261129002250_slots.sql", SLOTS, [
    ["slot-of-next-week", "if v_slot_at > p_now then", "if false then", "a slot begins before its time"],
    [
      "daily-slot-skips-a-week",
      "case when p_schedule.local_day is null then 1 else 7 end",
      "7",
      "a daily job is late from midnight until its hour",
      ENABLE,
    ],
    [
      "slot-in-utc",
      "v_slot_at timestamptz := (v_day + p_schedule.local_time) at time zone p_schedule.time_zone;",
      "v_slot_at timestamptz := (v_day + p_schedule.local_time) at time zone 'UTC';",
      "three o'clock in Paris is five in summer",
    ],
    [
      "slot-made-up-for-ever",
      "if v_slot_at < p_now - v_schedule.catch_up or",
      "if",
      "a week-old clean-up begins in the middle of the day",
    ],
    [
      "slot-before-it-was-enabled",
      "or v_slot_at < coalesce(v_schedule.enabled_at, 'infinity') then",
      "then",
      "installing Lapse begins a clean-up at once",
    ],
    [
      "slot-twice",
      "if not lapse.slot_needs_run(p_slot => v_slot, p_retry_after => v_schedule.retry_after, p_now => p_now) then",
      "if false then",
      "every tick begins the weekly clean-up",
    ],
    [
      "failed-slot-repeated-at-once",
      "when r.status in ('failed', 'lost') then r.created_at <= p_now - p_retry_after and not exists",
      "when r.status in ('failed', 'lost') then not exists",
      "a clean-up that fails is repeated every five minutes",
    ],
    [
      "repeated-although-completed",
      "and c.finished_at > r.finished_at",
      "and false",
      "a clean-up that completed is repeated",
    ],
    [
      "repeated-beside-another",
      "where not exists (select from lapse.runs u where u.job = r.job and u.finished_at is null and not u.dry_run)",
      "where true",
      "a clean-up is repeated while it works",
    ],
    [
      "lost-start-waits",
      "then r.id = (p_slot).run_id or r.created_at <= p_now - p_retry_after",
      "then r.created_at <= p_now - p_retry_after",
      "a clean-up whose request got lost waits for an hour",
    ],
    [
      "operators-run-is-the-slots",
      "and r.trigger in ('schedule', 'continuation')",
      "",
      "an operator's run decides about a slot",
    ],
  ]),
  ...faultsIn("migrations/20261129002300_dispatch.sql", CONTINUATION, [
    ["dry-run-continued", "if v_before.dry_run then", "if false then", "a dry run goes on as a real one"],
    [
      "release-not-handed-on",
      "v_before.reason, v_before.ref, v_before.brake_released_at,",
      "v_before.reason, v_before.ref, null,",
      "an operator has to release the brake for each of a hundred runs",
    ],
    [
      "limit-not-handed-on",
      "lapse.limit_left(p_run => v_before), p_now",
      "null, p_now",
      "a run with a limit goes on without one",
    ],

    ["secret-unsent", "'x-lapse-secret', v_secret)", "'x-lapse-secret', '')", "the functions refuse every tick", [
      "platform/schedule/fired_run_test.ts",
    ]],
  ]),
  ...faultsIn("migrations/20261129002260_enable.sql", ["database/schedule", "enable/enable_test.ts"], [
    [
      "first-run-without-a-brake",
      "set brake_on = true from lapse.schedules s",
      "set brake_on = j.brake_on from lapse.schedules s",
      "the first run of a new installation touches orders before anybody has seen a dry run",
    ],
    [
      "brake-without-orders",
      "where s.job = j.job and j.has_brake and s.enabled_at is null",
      "where s.job = j.job and s.enabled_at is null",
      "a job that closes nothing waits for an operator, or cannot be enabled",
    ],
    [
      "brake-comes-back",
      "where s.job = j.job and j.has_brake and s.enabled_at is null and not j.brake_on;",
      "where s.job = j.job and j.has_brake and not j.brake_on;",
      "a job that was paused and enabled again is braked",
    ],
  ]),
];
