-- What `lapse doctor` reads of a project's private state: what is installed, but never the value of a secret.
--
-- Each part is inspected by a separate function, lapse.inspect_<part>. A part that cannot be inspected reports why and
-- does not hide the others.

-- Contract: versions of the applied migrations, oldest first; null when there is no history.
create function lapse.inspect_migrations(p_asked jsonb, p_now timestamptz) returns jsonb
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if to_regclass('supabase_migrations.schema_migrations') is null then
    return null;
  end if;
  return (select coalesce(jsonb_agg(m.version order by m.version), '[]') from supabase_migrations.schema_migrations m);
end;
$$;

-- Contract: the extensions the schedule needs; installed is null for one that is missing, available for one the server
-- does not have.
create function lapse.inspect_extensions(p_asked jsonb, p_now timestamptz) returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_agg(jsonb_build_object('name', n.name, 'installed', e.extversion, 'available', a.default_version) order by n.name)
  from unnest('{pg_cron,pg_net,supabase_vault}'::text[]) n (name)
  left join pg_extension e on e.extname = n.name
  left join pg_available_extensions a on a.name = n.name;
$$;

-- Contract: the state of each Vault entry: ok, missing, unreadable (written with another root key), not_https,
-- elsewhere (another URL than functionsUrl asked about), short, differs (from the secret whose SHA-256 was asked
-- about).
create function lapse.inspect_secrets(p_asked jsonb, p_now timestamptz) returns jsonb
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text;
  v_value text;
  v_all jsonb := '{}'::jsonb;
begin
  foreach v_name in array '{lapse_functions_url,lapse_scheduler_secret,lapse_alert_webhook_url,lapse_ping_url}'::text[] loop
    begin
      v_value := lapse.find_secret(v_name);
      v_all := v_all || jsonb_build_object(v_name, case
        when v_value is null then 'missing'
        when v_name = 'lapse_scheduler_secret' then case
          when length(v_value) < 32 then 'short'
          when encode(sha256(convert_to(v_value, 'UTF8')), 'hex') <> p_asked ->> 'schedulerSecretSha256' then 'differs'
          else 'ok'
        end
        when v_value !~ '^(https://|http://(127\.0\.0\.1|localhost|\[::1\])[:/])' then 'not_https'
        when v_name = 'lapse_functions_url' and rtrim(v_value, '/') <> p_asked ->> 'functionsUrl' then 'elsewhere'
        else 'ok'
      end);
    exception when others then
      v_all := v_all || jsonb_build_object(v_name, 'unreadable');
    end;
  end loop;
  return v_all;
end;
$$;

-- Contract: every privilege on Lapse's own objects that is more, or less, than it grants, in a sentence each. Other
-- objects of the shop are left out.
create function lapse.inspect_privileges(p_asked jsonb, p_now timestamptz) returns jsonb
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return (select coalesce(jsonb_agg(p.sentence order by p.sentence), '[]') from lapse.privilege_problems() p (sentence));
end;
$$;

-- Why no run can work with the shop's adapter; null if one can.
create function lapse.inspect_adapter(p_asked jsonb, p_now timestamptz) returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object('problem', lapse.adapter_problem());
$$;

-- Contract: the first 20 orders about which shop and ledger disagree; none without an adapter.
create function lapse.inspect_drift(p_asked jsonb, p_now timestamptz) returns jsonb
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if lapse.adapter_problem() is not null then
    return '[]'::jsonb;
  end if;
  return (
    select coalesce(jsonb_agg(jsonb_build_object('name', d.name, 'ref', d.ref) order by d.name, d.ref), '[]')
    from (select * from lapse.drift() limit 20) d
  );
end;
$$;

-- Contract: what is wrong with Lapse's jobs in pg_cron, in a sentence each; including jobs of version 0.1 that still
-- tick.
create function lapse.inspect_schedules(p_asked jsonb, p_now timestamptz) returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_agg(x.sentence order by x.sentence), '[]')
  from (
    select format(p.problem, p.job)
    from lapse.schedule_problems() p
    where p.problem is not null
    union all
    select format('pg_cron still runs %s of version 0.1, for role %s', j.jobname, j.username)
    from cron.job j
    where j.active and j.database = current_database() and j.command like 'select jobs.%'
    union all
    select format('pg_cron runs %s, which is not in lapse.schedules, for role %s', j.jobname, j.username)
    from cron.job j
    where j.active and j.database = current_database() and j.jobname like 'lapse-%'
      and not exists (select from lapse.schedules s where j.jobname = 'lapse-' || s.job)
  ) x (sentence);
$$;

-- Contract: what each check of the watch finds now, whether or not the watch runs. A check that fails is reported as
-- such.
create function lapse.inspect_conditions(p_asked jsonb, p_now timestamptz) returns jsonb
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_kind record;
  v_found jsonb;
  v_all jsonb := '[]'::jsonb;
begin
  for v_kind in
    select k.kind, k.code from lapse.alert_kinds k
    where k.nature = 'check' and to_regprocedure(format('lapse.%I(timestamptz)', 'check_' || k.kind)) is not null
    order by k.code
  loop
    begin
      execute format($sql$
        select coalesce(jsonb_agg(jsonb_build_object(
          'kind', $2, 'code', $3, 'key', c.key, 'severity', c.severity,
          'message', concat_ws(': ', c.message, c.details ->> 'cause')
        ) order by c.key), '[]')
        from lapse.%I($1) c
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

-- Contract: whether there are settings, paused schedules, the mode of the run that last read Stripe's lists, the last
-- watch.
create function lapse.inspect_state(p_asked jsonb, p_now timestamptz) returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object(
    'settings', exists (select from lapse.settings),
    'paused', (select coalesce(jsonb_agg(s.job order by s.job), '[]') from lapse.schedules s where not s.active),
    'livemode', lapse.mode_of_runs(),
    'refunds', (select s.late_payments = 'revive_or_refund' or s.refund_surplus from lapse.settings s),
    'watchedAt', (select w.watched_at from lapse.watch_state w)
  );
$$;

-- What lapse-health would report.
create function lapse.inspect_health(p_asked jsonb, p_now timestamptz) returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select lapse.health(p_now => p_now) -> 'reasons';
$$;

-- The release of Lapse that this database has.
create function lapse.inspect_version(p_asked jsonb, p_now timestamptz) returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select to_jsonb(lapse.version());
$$;

-- Contract: {"now", "postgres", and of each part {"value"} or {"error"}}. p_asked names what the caller expects, both
-- optional: {"functionsUrl", "schedulerSecretSha256"}. Reads only.
create function lapse.inspect(p_asked jsonb default '{}', p_now timestamptz default now()) returns jsonb
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_part text;
  v_value jsonb;
  v_all jsonb := jsonb_build_object('now', clock_timestamp(), 'postgres', current_setting('server_version'));
begin
  foreach v_part in array
    '{migrations,extensions,secrets,privileges,adapter,drift,schedules,conditions,state,health,version}'::text[]
  loop
    begin
      execute format('select lapse.%I($1, $2)', 'inspect_' || v_part) into v_value using p_asked, p_now;
      v_all := v_all || jsonb_build_object(v_part, jsonb_build_object('value', v_value));
    exception when others then
      v_all := v_all || jsonb_build_object(v_part, jsonb_build_object('error', sqlerrm));
    end;
  end loop;
  return v_all;
end;
$$;
comment on function lapse.inspect(jsonb, timestamptz) is 'What is installed, and its state.';

create function public.lapse_inspect(p_asked jsonb default '{}') returns jsonb
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.inspect(p_asked => p_asked, p_now => now());
$$;
comment on function public.lapse_inspect(jsonb) is
  'What is installed, and its state, for `lapse doctor`. For the operator''s tools (secret key) only.';
