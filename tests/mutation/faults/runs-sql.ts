import { faultsIn } from "../fault.ts";

const WEEKLY = ["tests/platform/watch/broken_chains_test.ts"];

/** In how a run begins, holds its lease and ends. */
export const RUNS_SQL_FAULTS = [
  ...faultsIn("migrations/20261122091100_jobs_runs.sql", [
    [
      "fence-unchecked",
      "where l.run_id = p_run_id and l.fence = p_fence;",
      "where l.run_id = p_run_id;",
      "a run with an old fence goes on",
    ],
    [
      "holder-unchecked",
      "where l.run_id = p_run_id and l.fence = p_fence;",
      "where l.fence = p_fence;",
      "another run's lease is extended",
    ],
    [
      "lease-not-extended",
      "set lease_until = p_now + s.lease\n",
      "set lease_until = l.lease_until\n",
      "a working run is taken over",
    ],
    [
      "no-heartbeat",
      "update public.job_runs r set heartbeat_at = p_now where",
      "update public.job_runs r set heartbeat_at = r.heartbeat_at where",
      "a working run looks dead",
    ],
  ]),
  ...faultsIn("migrations/20261122092100_jobs_begin_run.sql", [
    [
      "two-runs-at-once",
      "if v_lease.run_id is not null and v_lease.lease_until > p_now then",
      "if false then",
      "two runs work on the same job",
    ],
    [
      "dead-run-blocks",
      "if v_lease.run_id is not null and v_lease.lease_until > p_now then",
      "if v_lease.run_id is not null then",
      "a dead run blocks its job for ever",
    ],
    [
      "same-fence",
      "set run_id = p_run_id, fence = l.fence + 1,",
      "set run_id = p_run_id, fence = l.fence,",
      "two holders of a lease look alike",
    ],
    [
      "no-brake",
      "if v_due > v_threshold and not v_run.brake_released then",
      "if false then",
      "a thousand orders are closed by surprise",
    ],
    ["brake-off-by-one", "p_cap => v_threshold + 1) d;", "p_cap => v_threshold) d;", "the brake never sees too many"],
    [
      "brake-not-releasable",
      "if v_due > v_threshold and not v_run.brake_released then",
      "if v_due > v_threshold then",
      "nobody can release the brake",
    ],
    ["begins-again", "if v_run.status <> 'queued' then", "if false then", "a request delivered twice is two runs"],
    [
      "loser-not-marked",
      "set status = 'lost', finished_at = p_now,",
      "set status = 'running', finished_at = null,",
      "a dead run looks as if it worked",
    ],
    [
      "release-without-reason-sql",
      "if p_release_brake and coalesce(p_reason, '') = '' then",
      "if false then",
      "a brake is released and nobody says why",
    ],
    ["dry-run-became-real", "if v_run.dry_run <> p_dry_run then", "if false then", "a request differs from its run"],
    ["run-of-other-job", "if v_run.job <> p_job then", "if false then", "a run works on another job's lease"],
    ["dry-run-takes-lease", "if v_run.dry_run then\n", "if false then\n", "a dry run keeps the real one from working"],
    [
      "brake-alert-stays",
      "    perform jobs.resolve_alert(p_key => 'brake:' || p_job, p_now => p_now);\n",
      "",
      "an alert stays although its cause is gone",
    ],
    [
      "brake-alert-missing",
      "p_key => 'brake:' || p_job, p_job => p_job, p_severity => 'critical',\n",
      "p_key => 'break:' || p_job, p_job => p_job, p_severity => 'critical',\n",
      "the brake is on and nobody hears of it",
    ],
    [
      "braked-keeps-lease",
      "update jobs.leases l set run_id = null, lease_until = p_now where l.job = p_job;",
      "",
      "a braked run's predecessor holds the lease",
    ],
  ]),
  ...faultsIn("migrations/20261122092300_jobs_finish_run.sql", [
    ["finished-again", "if v_run.finished_at is not null then", "if false then", "a lost run becomes a success"],
    [
      "lease-of-others-given-back",
      "update jobs.leases l set run_id = null, lease_until = p_now where l.run_id = p_run_id;",
      "update jobs.leases l set run_id = null, lease_until = p_now where l.job = v_run.job;",
      "a late run frees another run's lease",
    ],
    [
      "lease-kept",
      "update jobs.leases l set run_id = null, lease_until = p_now where l.run_id = p_run_id;",
      "",
      "every run blocks the next for two minutes",
    ],
    ["dry-run-counted", "if not v_run.dry_run then", "if true then", "dry runs appear in the metrics"],
    [
      "failure-uncounted",
      "runs_failed_total = m.runs_failed_total + (p_status = 'failed')::integer,",
      "runs_failed_total = m.runs_failed_total,",
      "failures are not counted",
    ],
    [
      "failure-is-success",
      "last_success_time = case when p_status = 'succeeded' then p_now else m.last_success_time end,",
      "last_success_time = p_now,",
      "a job that only fails looks well",
    ],
    [
      "failure-untold",
      "if p_status = 'failed' and v_run.order_id is null then",
      "if false then",
      "a failed run is nobody's business",
    ],
    [
      "failure-of-one-order-told",
      "if p_status = 'failed' and v_run.order_id is null then",
      "if p_status = 'failed' then",
      "one order's failure is the job's",
    ],
    [
      "one-order-closes-the-alert",
      "elsif p_status = 'succeeded' and v_run.order_id is null then",
      "elsif p_status = 'succeeded' then",
      "pressing synchronise hides that runs fail",
    ],
    [
      "failure-alert-stays",
      "perform jobs.resolve_alert(p_key => 'run_failed:' || v_run.job, p_now => p_now);",
      "null;",
      "an alert stays although its cause is gone",
    ],
    [
      "any-end",
      "if p_status is null or p_status not in ('succeeded', 'partial', 'failed', 'braked') then",
      "if false then",
      "a run ends as queued",
    ],
  ]),
  ...faultsIn("migrations/20261128120000_clock_set_back.sql", [
    [
      "leases-of-tomorrow-hold",
      "    perform jobs.end_future_leases(p_now => p_now);\n",
      "",
      "after a clock was set back every run is skipped for a day",
    ],
    [
      "longest-lease-is-of-tomorrow",
      "interval '1 hour 1 minute'",
      "interval '1 hour'",
      "a run that works is taken over by one that waited for its lease",
    ],
    [
      "watch-leaves-leases-of-tomorrow",
      "  select jobs.end_future_leases(p_now => p_now);\n",
      "",
      "a run that died before a clock was set back is running for a day",
      ["tests/platform/watch/lost_runs_test.ts"],
    ],
  ]),
  ...faultsIn("migrations/20261128120100_resume_lost_first_runs.sql", [
    [
      "slot-lost-with-its-run",
      "          or r.status = 'lost' and exists (select from jobs.schedule_slots t where t.run_id = r.id)\n",
      "",
      "a weekly clean-up that died waits for the next week",
      WEEKLY,
    ],
    [
      "dies-for-ever",
      "and since.lost < g.alert_after;",
      "and true;",
      "a clean-up that kills its runs is started anew every few minutes for two days",
      WEEKLY,
    ],
    [
      "deaths-of-last-week-count",
      "greatest(d.created_at, t.claimed_at) as at",
      "coalesce(d.created_at, '-infinity') as at",
      "a clean-up that was given up once is never gone on with again",
      WEEKLY,
    ],
    [
      "died-with-nothing-left",
      "(b.backlog > 0 or since.died)",
      "b.backlog > 0",
      "a clean-up that died is only gone on with if the one of the week before left something",
      WEEKLY,
    ],
  ]),
];
