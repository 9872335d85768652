-- Stand-in for pg_cron 1.4: what a database sees of it. local/workers/cron-worker.ts runs the jobs.
-- Works inside "create extension" and, where the server's extension folder cannot be written, as plain SQL run by a superuser.
-- DIVERGENCES.md lists the differences from the original.

create schema cron;

create sequence cron.jobid_seq;
create sequence cron.runid_seq;
grant usage, select on sequence cron.jobid_seq to public;
grant select on sequence cron.runid_seq to public;

create table cron.job (
  jobid bigint primary key default pg_catalog.nextval('cron.jobid_seq'),
  schedule text not null,
  command text not null,
  nodename text not null default 'localhost',
  nodeport int not null default pg_catalog.current_setting('port')::int,
  database text not null default pg_catalog.current_database(),
  username text not null default current_user,
  active boolean not null default true,
  jobname name,
  constraint jobname_username_uniq unique (jobname, username)
);
comment on table cron.job is 'The jobs of pg_cron. Changed through cron.schedule, cron.alter_job and cron.unschedule only.';
alter table cron.job enable row level security;
create policy cron_job_policy on cron.job using (username = current_user);
grant select, insert, update, delete on cron.job to public;

create table cron.job_run_details (
  jobid bigint,
  runid bigint primary key default pg_catalog.nextval('cron.runid_seq'),
  job_pid integer,
  database text,
  username text,
  command text,
  status text,
  return_message text,
  start_time timestamptz,
  end_time timestamptz
);
comment on table cron.job_run_details is 'One row per run of a job. "succeeded" means the SQL ran. Nothing ever cleans it.';
alter table cron.job_run_details enable row level security;
create policy cron_job_run_details_policy on cron.job_run_details using (username = current_user);
grant select, delete on cron.job_run_details to public;

create function cron._manages_all_jobs() returns boolean language sql stable set search_path = pg_catalog, pg_temp as $$
  select pg_catalog.current_setting('is_superuser')::boolean
    or (select relowner = current_user::regrole from pg_catalog.pg_class where oid = 'cron.job'::regclass)
$$;

-- pg_cron's functions write cron.job whatever the caller may do with the table; SQL functions cannot tell who called
-- them once they run as another role. So every role holds the privilege, row security limits it to the role's own
-- jobs, and this trigger refuses changes that do not come from the functions below, with the original's message.
create function cron._refuse_direct_change() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if coalesce(pg_catalog.current_setting('lapse.inside_pg_cron', true), '') <> 'on' and not cron._manages_all_jobs() then
    raise insufficient_privilege using message = 'permission denied for table job';
  end if;
  return null;
end;
$$;
create trigger refuse_direct_change before insert or update or delete on cron.job
  for each statement execute function cron._refuse_direct_change();

-- One field of a schedule ("*/5", "1-5", "mon,wed") as the numbers that it matches; null if it is not a valid field.
-- Cron's grammar: a step needs a star or a range before it.
create function cron._parse_field(field text, low int, high int, names text[] default '{}') returns int[]
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  item text;
  part text[];
  first int;
  last int;
  step int;
  numbers int[] := '{}';
begin
  foreach item in array pg_catalog.string_to_array(pg_catalog.lower(field), ',')
  loop
    part := pg_catalog.regexp_match(item, '^(?:(\*)|([a-z]+|\d{1,9})(?:-([a-z]+|\d{1,9}))?)(?:/(\d{1,9}))?$');
    if part is null or (part[4] is not null and part[1] is null and part[3] is null) then
      return null;
    end if;
    first := case when part[1] = '*' then low
      when part[2] ~ '^\d' then part[2]::int else pg_catalog.array_position(names, part[2]) - 1 + low end;
    last := case when part[1] = '*' then high when part[3] is null then first
      when part[3] ~ '^\d' then part[3]::int else pg_catalog.array_position(names, part[3]) - 1 + low end;
    step := coalesce(part[4]::int, 1);
    if first is null or last is null or first < low or last > high or first > last or step < 1 then
      return null;
    end if;
    numbers := numbers || array(select pg_catalog.generate_series(first, last, step));
  end loop;
  return numbers;
end;
$$;

create type cron._parsed_schedule as (
  minutes int[], hours int[], days int[], months int[], weekdays int[], any_day boolean);

-- Null if pg_cron 1.4 would refuse the schedule.
create function cron._parse(schedule text) returns cron._parsed_schedule
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  field text[] := pg_catalog.regexp_split_to_array(pg_catalog.btrim(schedule, E' \t'), '[ \t]+');
  parsed cron._parsed_schedule;
begin
  field := case field[1]
    when '@yearly' then '{0,0,1,1,*}' when '@annually' then '{0,0,1,1,*}' when '@monthly' then '{0,0,1,*,*}'
    when '@weekly' then '{0,0,*,*,0}' when '@daily' then '{0,0,*,*,*}' when '@midnight' then '{0,0,*,*,*}'
    when '@hourly' then '{0,*,*,*,*}' else field end;
  if pg_catalog.cardinality(field) <> 5 then
    return null;
  end if;
  parsed.minutes := cron._parse_field(field[1], 0, 59);
  parsed.hours := cron._parse_field(field[2], 0, 23);
  parsed.days := cron._parse_field(field[3], 1, 31);
  parsed.months := cron._parse_field(field[4], 1, 12, '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}');
  parsed.weekdays := cron._parse_field(field[5], 0, 7, '{sun,mon,tue,wed,thu,fri,sat}');
  -- Cron looks at the first character only: "*/2" counts as a star.
  parsed.any_day := field[3] like '*%' or field[5] like '*%';
  if parsed.minutes is null or parsed.hours is null or parsed.days is null or parsed.months is null or parsed.weekdays is null then
    return null;
  end if;
  return parsed;
end;
$$;

-- Whether the schedule fires in the minute of `at`, in UTC. Where both day fields are restricted, either of them is enough: cron's rule.
create function cron._is_due(schedule text, at timestamptz) returns boolean
language plpgsql immutable strict set search_path = pg_catalog, pg_temp as $$
declare
  parsed cron._parsed_schedule := cron._parse(schedule);
  utc timestamp := at at time zone 'UTC';
  weekday int := extract(dow from utc);
  on_day boolean := extract(day from utc) = any (parsed.days);
  on_weekday boolean := weekday = any (parsed.weekdays) or weekday + 7 = any (parsed.weekdays);
begin
  return extract(minute from utc) = any (parsed.minutes)
    and extract(hour from utc) = any (parsed.hours)
    and extract(month from utc) = any (parsed.months)
    and case when parsed.any_day then on_day and on_weekday else on_day or on_weekday end;
end;
$$;

create function cron._check(schedule text, database text, username text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  role pg_catalog.pg_roles;
begin
  if schedule is not null and cron._parse(schedule) is null then
    raise invalid_parameter_value using message = 'invalid schedule: ' || schedule;
  end if;
  select * into role from pg_catalog.pg_roles where rolname = username;
  if not found then
    raise undefined_object using message = pg_catalog.format('role "%s" does not exist', username);
  elsif not role.rolcanlogin then
    raise insufficient_privilege using message = pg_catalog.format('role "%s" can not log in', username),
      detail = 'Jobs may only be run by roles that have the LOGIN attribute.';
  end if;
  if not exists (select from pg_catalog.pg_database where datname = database) then
    raise invalid_catalog_name using message = pg_catalog.format('database "%s" does not exist', database);
  elsif not pg_catalog.has_database_privilege(username, database, 'connect') then
    raise insufficient_privilege
      using message = pg_catalog.format('User %s does not have CONNECT privilege on %s', username, database);
  end if;
end;
$$;

create function cron._store(job_name text, schedule text, command text, database text, username text, active boolean)
returns bigint language plpgsql set search_path = pg_catalog, pg_temp set lapse.inside_pg_cron = 'on' as $$
declare
  owner text := coalesce(username, current_user);
  id bigint;
begin
  if schedule is null or command is null then
    raise exception '% can not be NULL', case when schedule is null then 'schedule' else 'command' end;
  end if;
  if owner <> current_user and not cron._manages_all_jobs() then
    raise exception 'must be superuser to create a job for another role';
  end if;
  perform cron._check(schedule, coalesce(database, pg_catalog.current_database()), owner);
  insert into cron.job as job (schedule, command, database, username, active, jobname)
  values (_store.schedule, _store.command, coalesce(_store.database, pg_catalog.current_database()), owner, _store.active, job_name)
  on conflict on constraint jobname_username_uniq
    do update set schedule = excluded.schedule, command = excluded.command
  returning jobid into id;
  return id;
end;
$$;

create function cron.schedule(schedule text, command text) returns bigint
language sql strict set search_path = pg_catalog, pg_temp as $$
  select cron._store(null, schedule, command, null, null, true)
$$;
comment on function cron.schedule(text, text) is 'schedule a pg_cron job';

create function cron.schedule(job_name text, schedule text, command text) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if job_name is null then
    raise exception 'job_name can not be NULL';
  end if;
  return cron._store(job_name, schedule, command, null, null, true);
end;
$$;
comment on function cron.schedule(text, text, text) is 'schedule a pg_cron job; the same name again replaces schedule and command';

create function cron.schedule_in_database(
  job_name text, schedule text, command text, database text, username text default null, active boolean default true)
returns bigint language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if job_name is null then
    raise exception 'job_name can not be NULL';
  end if;
  return cron._store(job_name, schedule, command, database, username, active);
end;
$$;
comment on function cron.schedule_in_database(text, text, text, text, text, boolean) is 'schedule a pg_cron job';
revoke all on function cron.schedule_in_database(text, text, text, text, text, boolean) from public;

create function cron.unschedule(job_id bigint) returns boolean
language plpgsql strict set search_path = pg_catalog, pg_temp set lapse.inside_pg_cron = 'on' as $$
declare
  owner text := (select username from cron.job where jobid = job_id);
begin
  if owner is null then
    raise exception 'could not find valid entry for job %', job_id;
  elsif owner <> current_user and not cron._manages_all_jobs() then
    raise insufficient_privilege using message = 'permission denied for table job';
  end if;
  delete from cron.job where jobid = job_id;
  return true;
end;
$$;
comment on function cron.unschedule(bigint) is 'unschedule a pg_cron job';

create function cron.unschedule(job_name text) returns boolean
language plpgsql strict set search_path = pg_catalog, pg_temp set lapse.inside_pg_cron = 'on' as $$
begin
  delete from cron.job where jobname = job_name and username = current_user;
  if not found then
    raise exception 'could not find valid entry for job ''%''', job_name;
  end if;
  return true;
end;
$$;
comment on function cron.unschedule(text) is 'unschedule a pg_cron job; a name that does not exist is an error';

create function cron.alter_job(
  job_id bigint, schedule text default null, command text default null, database text default null,
  username text default null, active boolean default null)
returns void language plpgsql set search_path = pg_catalog, pg_temp set lapse.inside_pg_cron = 'on' as $$
declare
  job cron.job;
begin
  if job_id is null then
    raise exception 'job_id can not be NULL';
  end if;
  select * into job from cron.job where jobid = job_id;
  if not found or (job.username <> current_user and not cron._manages_all_jobs()) then
    raise exception 'Job % does not exist or you don''t own it', job_id;
  end if;
  if alter_job.username is not null and not cron._manages_all_jobs() then
    raise exception 'must be superuser to alter username';
  end if;
  perform cron._check(schedule, coalesce(alter_job.database, job.database), coalesce(alter_job.username, job.username));
  if pg_catalog.num_nonnulls(schedule, command, database, username, active) = 0 then
    raise exception 'no updates specified'
      using hint = 'You must specify at least one job attribute to change when calling alter_job';
  end if;
  update cron.job as j set
    schedule = coalesce(alter_job.schedule, j.schedule),
    command = coalesce(alter_job.command, j.command),
    database = coalesce(alter_job.database, j.database),
    username = coalesce(alter_job.username, j.username),
    active = coalesce(alter_job.active, j.active)
  where jobid = job_id;
end;
$$;
comment on function cron.alter_job(bigint, text, text, text, text, boolean) is
  'Alter the job identified by job_id. Any option left as NULL will not be modified.';
revoke all on function cron.alter_job(bigint, text, text, text, text, boolean) from public;
