-- Turning Lapse on in a shop with open orders: the brake first, then the open orders, then the schedules.
--
-- `lapse enable` calls these one after another, each in a separate transaction. Until an operator has read the first
-- dry run and released the brake, runs change nothing. Each call may be repeated: a job that was turned on before
-- keeps its brake as the operator left it.

-- Contract: puts the brake on for each job that was never enabled and has a brake. Returns all jobs whose brake is on.
create function lapse.hold_first_runs() returns text[]
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  update lapse.jobs j
  set brake_on = true
  from lapse.schedules s
  where s.job = j.job and j.has_brake and s.enabled_at is null and not j.brake_on;
  return array(select j.job from lapse.jobs j where j.brake_on order by j.job desc);
end;
$$;

-- Contract: turns all jobs on, after the brake. Raises LP010 while the adapter is missing or does not fit. Returns
-- {"brakeOn": [job], "schedules": [{"job", "schedule", "active"}]}.
create function lapse.enable() returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_brake_on text[] := lapse.hold_first_runs();
begin
  return jsonb_build_object(
    'brakeOn', to_jsonb(v_brake_on),
    'schedules', (select jsonb_agg(to_jsonb(s) order by s.job) from lapse.enable_schedules() s)
  );
end;
$$;

comment on function lapse.enable() is 'Turns all jobs on; those that were never on start with the brake on.';

create function public.lapse_adopt_orders(p_limit integer default 1000) returns integer
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(p_limit not between 1 and 10000, true) then
    raise exception 'Cannot adopt % orders at a time: it is not a number from 1 to 10000', coalesce(p_limit::text,
      'null')
      using errcode = 'invalid_parameter_value';
  end if;
  perform lapse.hold_first_runs();
  return lapse.adopt_orders(p_limit => p_limit, p_now => now());
end;
$$;

comment on function public.lapse_adopt_orders(integer) is
  'Adopts open orders of the shop that Lapse does not know, a batch at a time. For the operator''s tools (secret key) only.';

create function public.lapse_enable() returns jsonb
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.enable();
$$;

comment on function public.lapse_enable() is
  'Turns all jobs on, with the brake on at first. For the operator''s tools (secret key) only.';

create function public.lapse_disable() returns jsonb
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object('schedules', jsonb_agg(to_jsonb(s) order by s.job)) from lapse.pause_schedules() s;
$$;

comment on function public.lapse_disable() is
  'Turns all jobs off; the watch and the retention continue. For the operator''s tools (secret key) only.';
