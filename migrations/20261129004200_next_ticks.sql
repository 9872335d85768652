-- The near future: the schedules with their next tick or slot, and what is due now.

-- Contract: the first tick after p_now, looking ahead in growing steps, so that a job that ticks every minute costs an
-- hour's worth of ticks; null for an expression without any within 400 days.
create function lapse.next_tick(p_cron text, p_now timestamptz) returns timestamptz
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ahead record;
  v_tick timestamptz;
begin
  for v_ahead in
    -- no more ticks fit between p_now and the horizon than are asked for
    select * from (values (interval '1 hour', 61), ('1 day', 1441), ('400 days', 400 * 1440)) as h (horizon, ticks)
  loop
    select min(t.tick) into v_tick
    from lapse.cron_ticks(p_cron => p_cron, p_until => p_now + v_ahead.horizon, p_count => v_ahead.ticks) t (tick)
    where t.tick > p_now;
    exit when v_tick is not null;
  end loop;
  return v_tick;
end;
$$;

-- Contract: the first slot of a weekly schedule after p_now. Day by day, because a week in which the clocks change has
-- 167 or 169 hours.
create function lapse.next_slot(p_schedule lapse.schedules, p_now timestamptz) returns timestamptz
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select min(s.slot_at)
  from generate_series(1, 8) as ahead (days)
  cross join lateral lapse.last_slot(p_schedule => p_schedule, p_now => p_now + make_interval(days => ahead.days)) s (slot_at)
  where s.slot_at > p_now;
$$;

-- Contract: {"now", "brakeThreshold", "schedules": [{"job", "cron", "active", "timeZone", "nextAt", "due",
-- "oldestDueAt"}]}; nextAt is null for a paused schedule, due counts up to 100,000 and is null for jobs without a queue
-- of orders.
create function lapse.schedule(p_now timestamptz default now()) returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object(
    'now', p_now,
    'brakeThreshold', (select g.brake_threshold from lapse.settings g),
    'schedules', (
      select jsonb_agg(jsonb_build_object(
        'job', s.job,
        'cron', s.cron,
        'active', s.active,
        'timeZone', s.time_zone,
        'nextAt', case
          when not s.active then null
          when s.time_zone is null then lapse.next_tick(p_cron => s.cron, p_now => p_now)
          else lapse.next_slot(p_schedule => s, p_now => p_now)
        end,
        'due', d.due,
        'oldestDueAt', d.oldest
      ) order by s.job)
      from lapse.schedules s
      left join lapse.jobs j on j.job = s.job
      left join lateral lapse.job_due(p_job => j.job, p_now => p_now, p_cap => 100000) d on j.job is not null
    )
  );
$$;

create function public.lapse_schedule() returns jsonb
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.schedule(p_now => now());
$$;
comment on function public.lapse_schedule() is
  'When each job ticks next and what is due now. For the operator''s tools (secret key) only.';
