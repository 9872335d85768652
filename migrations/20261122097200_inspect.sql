-- What the doctor sees of the private half of a project: what is installed, never a value of a secret.
--
-- Each part is looked at by a function of its own, jobs.inspect_<part>, and a part that cannot be looked at says why instead of hiding the
-- others.

-- Contract: versions of the applied migrations, oldest first; null when nobody kept a history.
create function jobs.inspect_migrations(p_asked jsonb, p_now timestamptz) returns jsonb
language plpgsql stable
set search_path = ''
as $$
begin
  if to_regclass('supabase_migrations.schema_migrations') is null then
    return null;
  end if;
  return (select coalesce(jsonb_agg(m.version order by m.version), '[]') from supabase_migrations.schema_migrations m);
end;
$$;

-- Contract: the extensions the schedule needs; installed is null for one that is missing, available for one the server does not have.
create function jobs.inspect_extensions(p_asked jsonb, p_now timestamptz) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_agg(jsonb_build_object('name', n.name, 'installed', e.extversion, 'available', a.default_version) order by n.name)
  from unnest('{pg_cron,pg_net,supabase_vault}'::text[]) n (name)
  left join pg_catalog.pg_extension e on e.extname = n.name
  left join pg_catalog.pg_available_extensions a on a.name = n.name;
$$;

-- Contract: how each Vault entry stands: ok, missing, not_https, elsewhere (another URL than functionsUrl asked about), short, differs (from
-- the secret whose SHA-256 was asked about).
create function jobs.inspect_secrets(p_asked jsonb, p_now timestamptz) returns jsonb
language sql stable
set search_path = ''
as $$
  with entry as (
    select n.name, nullif(btrim(v.decrypted_secret), '') as value
    from unnest('{jobs_functions_url,jobs_scheduler_secret,jobs_alert_webhook_url}'::text[]) n (name)
    left join vault.decrypted_secrets v on v.name = n.name
  )
  select jsonb_object_agg(e.name, case
    when e.value is null then 'missing'
    when e.name = 'jobs_scheduler_secret' then case
      when length(e.value) < 32 then 'short'
      when encode(sha256(convert_to(e.value, 'UTF8')), 'hex') <> p_asked ->> 'schedulerSecretSha256' then 'differs'
      else 'ok'
    end
    when e.value !~ '^(https://|http://(127\.0\.0\.1|localhost|\[::1\])[:/])' then 'not_https'
    when e.name = 'jobs_functions_url' and rtrim(e.value, '/') <> p_asked ->> 'functionsUrl' then 'elsewhere'
    else 'ok'
  end)
  from entry e;
$$;

-- Contract: every privilege on Lapse's own tables and functions that is more, or less, than the migrations gave, in a sentence each. Other
-- objects of the shop are its own business.
create function jobs.inspect_privileges(p_asked jsonb, p_now timestamptz) returns jsonb
language sql stable
set search_path = ''
as $$
  with own_table as (
    select c.oid, c.relname, c.relrowsecurity, n.nspname
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and (
      n.nspname = 'jobs' or n.nspname = 'public' and (
        c.relname like 'job\_%' or c.relname in ('orders', 'order_payments', 'stock_reservations', 'inventory', 'expiry_policies')
      )
    )
  ),
  own_function as (
    select p.oid, p.oid::regprocedure::text as name, n.nspname, p.prosecdef, p.proconfig
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'jobs' or n.nspname = 'public' and (
      p.proname like 'jobs\_%' or p.proname in ('place_order', 'attach_payment', 'mark_order_paid')
    )
  ),
  problem (sentence) as (
    select format('%s may %s %I.%I', r.role, lower(x.privilege), t.nspname, t.relname)
    from own_table t
    cross join unnest('{anon,authenticated,service_role}'::text[]) r (role)
    cross join unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE}'::text[]) x (privilege)
    where has_table_privilege(r.role, t.oid, x.privilege)
      and (
        t.nspname = 'jobs'
        or r.role = 'anon'
        or r.role = 'authenticated' and x.privilege <> 'SELECT'
        or r.role = 'service_role' and x.privilege <> 'SELECT' and t.relname <> 'expiry_policies'
        or x.privilege = 'TRUNCATE'
      )
    union all
    select format('%s may not select %I.%I', r.role, t.nspname, t.relname)
    from own_table t
    cross join unnest('{authenticated,service_role}'::text[]) r (role)
    where t.nspname = 'public' and not has_table_privilege(r.role, t.oid, 'SELECT')
    union all
    select format('row-level security is off for %I.%I', t.nspname, t.relname) from own_table t where not t.relrowsecurity
    union all
    select format('policy "%s" on %I.%I lets in others than operators and viewers', p.policyname, p.schemaname, p.tablename)
    from pg_catalog.pg_policies p
    join own_table t on (t.nspname, t.relname) = (p.schemaname, p.tablename)
    where p.roles <> '{authenticated}' or p.cmd <> 'SELECT' or p.qual not like '%jobs_role%'
    union all
    select format('no policy lets operators read %I.%I', t.nspname, t.relname)
    from own_table t
    where t.nspname = 'public' and t.relrowsecurity
      and not exists (select from pg_catalog.pg_policies p where (p.schemaname, p.tablename) = (t.nspname, t.relname))
    union all
    select format('%s may call %s', r.role, f.name)
    from own_function f
    cross join unnest('{anon,authenticated,service_role}'::text[]) r (role)
    where has_function_privilege(r.role, f.oid, 'EXECUTE') and (f.nspname = 'jobs' or r.role <> 'service_role')
    union all
    select format('service_role may not call %s', f.name)
    from own_function f
    where f.nspname = 'public' and not has_function_privilege('service_role', f.oid, 'EXECUTE')
    union all
    select format('%s runs with its owner''s rights and without a search path of its own', f.name)
    from own_function f
    where f.prosecdef and not coalesce(f.proconfig @> array['search_path=""'], false)
    union all
    select format('%s may look into the schema jobs', r.role)
    from unnest('{anon,authenticated,service_role}'::text[]) r (role)
    where has_schema_privilege(r.role, 'jobs', 'USAGE')
  )
  select coalesce(jsonb_agg(p.sentence order by p.sentence), '[]') from problem p;
$$;

-- Contract: what each check of the watch finds now, whether or not the watch looks; a check that fails says so itself.
create function jobs.inspect_conditions(p_asked jsonb, p_now timestamptz) returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  v_kind record;
  v_found jsonb;
  v_all jsonb := '[]'::jsonb;
begin
  for v_kind in
    select k.kind, k.code from jobs.alert_kinds k
    where k.nature = 'check' and to_regprocedure(format('jobs.%I(timestamptz)', 'check_' || k.kind)) is not null
    order by k.code
  loop
    begin
      execute format($sql$
        select coalesce(jsonb_agg(jsonb_build_object(
          'kind', $2, 'code', $3, 'key', c.key, 'severity', c.severity, 'message', c.message
        ) order by c.key), '[]')
        from jobs.%I($1) c
      $sql$, 'check_' || v_kind.kind)
      into v_found using p_now, v_kind.kind, v_kind.code;
      v_all := v_all || v_found;
    exception when others then
      v_all := v_all || jsonb_build_object(
        'kind', v_kind.kind, 'code', v_kind.code, 'key', v_kind.kind, 'severity', 'critical',
        'message', format('This cannot be checked: %s', sqlerrm)
      );
    end;
  end loop;
  return v_all;
end;
$$;

-- Contract: paused schedules, the mode of the last calls to Stripe, whether there are settings, and what jobs-health would say.
create function jobs.inspect_state(p_asked jsonb, p_now timestamptz) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'settings', exists (select from jobs.settings),
    'paused', (select coalesce(jsonb_agg(s.job order by s.job), '[]') from jobs.schedules s where not s.active),
    'livemode', (
      select b.livemode from jobs.call_budgets b where b.next_slot_at > '-infinity' order by b.next_slot_at desc limit 1
    ),
    'watchedAt', (select w.watched_at from jobs.watch_state w)
  );
$$;

create function jobs.inspect_health(p_asked jsonb, p_now timestamptz) returns jsonb
language sql stable
set search_path = ''
as $$
  select public.jobs_health(p_now) -> 'reasons';
$$;

comment on function jobs.inspect_migrations(jsonb, timestamptz) is 'Versions of the applied migrations.';
comment on function jobs.inspect_extensions(jsonb, timestamptz) is 'The extensions the schedule needs, and their versions.';
comment on function jobs.inspect_secrets(jsonb, timestamptz) is 'How each Vault entry stands, never its value.';
comment on function jobs.inspect_privileges(jsonb, timestamptz) is 'Privileges that are more, or less, than the migrations gave.';
comment on function jobs.inspect_conditions(jsonb, timestamptz) is 'What each check of the watch finds now.';
comment on function jobs.inspect_state(jsonb, timestamptz) is 'Settings, paused schedules, the mode of the last calls, the last watch.';
comment on function jobs.inspect_health(jsonb, timestamptz) is 'What jobs-health would say.';

-- Contract: {"now", "postgres", and of each part {"value"} or {"error"}}. p_asked names what the caller expects, both optional:
-- {"functionsUrl", "schedulerSecretSha256"}. Reads only.
create function public.jobs_inspect(p_asked jsonb default '{}', p_now timestamptz default now()) returns jsonb
language plpgsql stable
security definer
set search_path = ''
as $$
declare
  v_part text;
  v_value jsonb;
  v_all jsonb := jsonb_build_object('now', clock_timestamp(), 'postgres', current_setting('server_version'));
begin
  foreach v_part in array '{migrations,extensions,secrets,privileges,conditions,state,health}'::text[] loop
    begin
      execute format('select jobs.%I($1, $2)', 'inspect_' || v_part) into v_value using p_asked, p_now;
      v_all := v_all || jsonb_build_object(v_part, jsonb_build_object('value', v_value));
    exception when others then
      v_all := v_all || jsonb_build_object(v_part, jsonb_build_object('error', sqlerrm));
    end;
  end loop;
  return v_all;
end;
$$;

comment on function public.jobs_inspect(jsonb, timestamptz) is
  'What is installed and how it stands, for jobs:doctor. For the operator''s tools (secret key) only.';

revoke all on all functions in schema jobs from public;
revoke all on function public.jobs_inspect(jsonb, timestamptz) from public, anon, authenticated;
grant execute on function public.jobs_inspect(jsonb, timestamptz) to service_role;
