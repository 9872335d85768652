-- Cron expressions as pg_cron interprets them, to refuse a bad one when it is set and to know when a job should have
-- run.

-- Contract: one field of a cron expression ("*/5", "1-5", "mon,wed") as the numbers that it matches. Raises 22023 for
-- anything else. A step needs a star or a range before it: that is the grammar of pg_cron's own parser.
create function lapse.cron_field(p_field text, p_low integer, p_high integer, p_names text[] default '{}') returns integer[]
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_item text;
  v_part text[];
  v_low integer;
  v_high integer;
  v_step integer;
  v_numbers integer[] := '{}';
begin
  foreach v_item in array string_to_array(lower(p_field), ',') loop
    v_part := regexp_match(v_item, '^(?:(\*)|([a-z]{3}|\d{1,2})(?:-([a-z]{3}|\d{1,2}))?)(?:/(\d{1,2}))?$');
    v_low := case
      when v_part[1] = '*' then p_low
      when v_part[2] ~ '^\d' then v_part[2]::integer
      else array_position(p_names, v_part[2]) - 1 + p_low
    end;
    v_high := case
      when v_part[1] = '*' then p_high
      when v_part[3] is null then v_low
      when v_part[3] ~ '^\d' then v_part[3]::integer
      else array_position(p_names, v_part[3]) - 1 + p_low
    end;
    v_step := coalesce(v_part[4]::integer, 1);
    if v_low is null or v_high is null or v_low < p_low or v_high > p_high or v_low > v_high or v_step < 1
      or (v_part[4] is not null and v_part[1] is null and v_part[3] is null)
    then
      raise exception 'Cannot read cron field %: it is not within % to %', p_field, p_low, p_high
        using errcode = 'invalid_parameter_value';
    end if;
    v_numbers := v_numbers || array(select generate_series(v_low, v_high, v_step));
  end loop;
  return v_numbers;
end;
$$;

-- Contract: the last p_count ticks of a five-field cron expression at or before p_until, in UTC, latest first. Looks
-- back 400 days, so that an expression without any tick ("0 0 31 2 *") is known by returning none. Raises 22023 for an
-- expression pg_cron would refuse.
create function lapse.cron_ticks(p_cron text, p_until timestamptz, p_count integer) returns setof timestamptz
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_field text[] := regexp_split_to_array(btrim(p_cron, E' \t'), '[ \t]+');
  v_until timestamp := p_until at time zone 'UTC';
  v_minutes integer[];
  v_hours integer[];
  v_days integer[];
  v_months integer[];
  v_weekdays integer[];
  -- If both day fields are restricted, a match of either is enough. Cron looks at the first character only: "*/2"
  -- counts as a star.
  v_both_days boolean := v_field[3] like '*%' or v_field[5] like '*%';
begin
  -- Not every pg_cron supports "30 seconds", "@hourly" and "$". All support five fields, none of which is shorter than
  -- a minute.
  if cardinality(v_field) <> 5 then
    raise exception 'Cannot read cron expression %: it does not have five fields', p_cron
      using errcode = 'invalid_parameter_value';
  end if;
  v_minutes := lapse.cron_field(v_field[1], 0, 59);
  v_hours := lapse.cron_field(v_field[2], 0, 23);
  v_days := lapse.cron_field(v_field[3], 1, 31);
  v_months := lapse.cron_field(v_field[4], 1, 12, '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}');
  v_weekdays := lapse.cron_field(v_field[5], 0, 7, '{sun,mon,tue,wed,thu,fri,sat}');

  return query
  with days as (
    select v_until::date - back.days as day
    from generate_series(0, 400) as back (days)
    cross join lateral (select v_until::date - back.days as day) on_day
    cross join lateral (
      select extract(day from on_day.day) = any (v_days) as by_day,
        extract(dow from on_day.day) = any (v_weekdays) or extract(isodow from on_day.day) = any (v_weekdays) as by_weekday
    ) matches
    where extract(month from on_day.day) = any (v_months)
      and case when v_both_days then matches.by_day and matches.by_weekday else matches.by_day or matches.by_weekday end
    order by back.days
    -- Each of these days has a tick, except perhaps the present day, whose tick may still come.
    limit p_count + 1
  )
  select distinct t.tick at time zone 'UTC'
  from days d
  cross join unnest(v_hours) as h (hour)
  cross join unnest(v_minutes) as m (minute)
  cross join lateral (select d.day + make_interval(hours => h.hour, mins => m.minute) as tick) t
  where t.tick <= v_until
  order by 1 desc
  limit p_count;
end;
$$;
