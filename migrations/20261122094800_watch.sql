-- The watch: notices what did not happen, in SQL alone, so that it works when the functions do not.
--
-- pg_cron calls jobs.watch every minute. Each part runs on its own: a part that fails raises an alert and holds up none of the others. What
-- notices a watch that stopped is jobs-health, asked from outside.

-- Contract: brings the alerts of one kind in line with what jobs.check_<kind> finds now: opens, counts, closes.
create function jobs.apply_check(p_kind text, p_now timestamptz) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_conditions jobs.condition[];
begin
  execute format('select coalesce(array_agg(c), ''{}'') from jobs.%I($1) c', 'check_' || p_kind) into v_conditions using p_now;

  perform jobs.raise_alert(
    p_key => c.key, p_job => c.job, p_severity => c.severity,
    p_message => format('%s, for %s', c.message, jobs.spell(p_now - coalesce(c.since, a.first_seen_at, p_now))),
    p_details => c.details, p_now => p_now
  )
  from unnest(v_conditions) c
  left join public.job_alerts a on a.key = c.key and a.resolved_at is null;

  perform jobs.resolve_alert(p_key => a.key, p_now => p_now)
  from public.job_alerts a
  where a.resolved_at is null
    and split_part(a.key, ':', 1) = p_kind
    and not exists (select from unnest(v_conditions) c where c.key = a.key);
end;
$$;

comment on function jobs.apply_check(text, timestamptz) is 'Opens, counts and closes the alerts of one kind.';

-- Contract: one part of the watch, in a transaction of its own within the watch's. Answers whether it could be done.
create function jobs.watch_part(p_part text, p_now timestamptz) returns boolean
language plpgsql
set search_path = ''
as $$
begin
  if p_part like 'check:%' then
    perform jobs.apply_check(p_kind => split_part(p_part, ':', 2), p_now => p_now);
  else
    execute format('select jobs.%I($1)', p_part) using p_now;
  end if;
  perform jobs.resolve_alert(p_key => 'watch_failed:' || p_part, p_now => p_now);
  return true;
exception when others then
  perform jobs.raise_alert(
    p_key => 'watch_failed:' || p_part, p_job => 'jobs-watch', p_severity => 'critical',
    p_message => format('The watch cannot do its part %s', p_part),
    p_details => jsonb_build_object('sqlstate', sqlstate, 'error', sqlerrm), p_now => p_now
  );
  return false;
end;
$$;

comment on function jobs.watch_part(text, timestamptz) is 'One part of the watch; its failure becomes an alert.';

-- Contract: one look at everything. Harmless to call at any time by hand. Answers how many alerts are open now, or `busy` while another
-- watch is looking.
create function jobs.watch(p_now timestamptz default now()) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_state jobs.watch_state;
  v_counting_due boolean;
  v_kind text;
begin
  -- Two watches at once would send each message twice.
  select * into v_state from jobs.watch_state for update skip locked;
  if not found then
    return '{"answer": "busy"}';
  end if;
  -- Without settings it is due as well, and says so.
  v_counting_due := coalesce(
    (select v_state.invariants_checked_at <= p_now - s.invariant_interval from jobs.settings s), true
  );

  perform jobs.watch_part('collect_responses', p_now);
  perform jobs.watch_part('mark_lost_runs', p_now);
  perform jobs.watch_part('resume_chains', p_now);
  for v_kind in
    select k.kind from jobs.alert_kinds k where k.nature = 'check' and k.kind not in ('invariant', 'watch_failed') order by k.code
  loop
    perform jobs.watch_part('check:' || v_kind, p_now);
  end loop;
  -- Counting reads more than the other checks do, so it has an interval of its own; after a failure the next watch tries again.
  if v_counting_due then
    v_state.invariants_checked_at := case when jobs.watch_part('check:invariant', p_now) then p_now else '-infinity' end;
  end if;
  perform jobs.watch_part('send_alerts', p_now);

  update jobs.watch_state w
  set watched_at = p_now, invariants_checked_at = v_state.invariants_checked_at;
  return (
    select jsonb_build_object('answer', 'watched', 'openAlerts', count(*)) from public.job_alerts a where a.resolved_at is null
  );
end;
$$;

comment on function jobs.watch(timestamptz) is 'Notices what did not happen, raises and closes alerts, tells the webhook. What pg_cron calls.';

revoke all on all functions in schema jobs from public;
