-- What the parts of the watch share: the time of its last pass, its settings, and the wording of its messages.
--
-- Each check is a function lapse.check_<kind> that only returns the conditions that hold now. lapse.raise_alert opens
-- and counts alerts; the rest of an alert follows from its kind and from `details`.

create table lapse.watch_state (
  only_row boolean primary key default true check (only_row),
  watched_at timestamptz not null default now()
);

insert into lapse.watch_state default values;

comment on table lapse.watch_state is 'When the watch last ran: exactly one row.';
comment on column lapse.watch_state.watched_at is 'When the watch last finished.';

create type lapse.condition as (
  key text,
  job text,
  severity text,
  message text,
  since timestamptz,
  details jsonb
);

-- Contract: the settings. Raises if the row is missing: without thresholds, checks would find nothing wrong.
create function lapse.watch_settings() returns lapse.settings
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_settings lapse.settings;
begin
  select * into v_settings from lapse.settings;
  if not found then
    raise exception 'Cannot watch: lapse.settings has no row'
      using errcode = 'no_data_found', hint = 'insert into lapse.settings default values;';
  end if;
  return v_settings;
end;
$$;

-- Contract: a duration in words, in the largest unit that fits.
create function lapse.spell(p_interval interval) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when x.minutes < 1 then 'less than a minute'
    when x.minutes < 120 then format('%s minute%s', x.minutes, case when x.minutes > 1 then 's' end)
    when x.minutes < 2880 then format('%s hours', x.minutes / 60)
    else format('%s days', x.minutes / 1440)
  end
  from (select floor(extract(epoch from p_interval) / 60)::bigint as minutes) x;
$$;

-- Contract: the last p_count runs of each job that ended in one of these states, latest first. Dry runs do not count,
-- nor do runs of one order, which say nothing about the job.
create function lapse.last_runs(p_statuses text[], p_count integer) returns setof lapse.runs
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select r.*
  from lapse.jobs j
  cross join lateral (
    select *
    from lapse.runs r
    where r.job = j.job and r.status = any (p_statuses) and not r.dry_run and r.ref is null
    order by r.created_at desc
    limit p_count
  ) r;
$$;
