-- The roles every hosted Supabase database has. Cluster-wide, so a second database finds them already there.
--
-- `postgres` owns what migrations create and, as on the platform, is no superuser: a migration that would need one
-- fails here too. Where `postgres` exists already (somebody's own server) it is left as it is.

do $$
declare
  role_name text;
  role_options text;
begin
  for role_name, role_options in
    values
      ('anon', 'nologin noinherit'),
      ('authenticated', 'nologin noinherit'),
      ('service_role', 'nologin noinherit bypassrls'),
      ('authenticator', 'nologin noinherit'),
      ('postgres', 'login createdb createrole replication bypassrls')
  loop
    begin
      execute format('create role %I %s', role_name, role_options);
    exception
      -- Two databases may be prepared at once; create role has no "if not exists".
      when duplicate_object or unique_violation then null;
    end;
  end loop;
end;
$$;

grant anon, authenticated, service_role to authenticator;

do $$
begin
  if not (select rolsuper from pg_catalog.pg_roles where rolname = 'postgres') then
    grant anon, authenticated, service_role, authenticator to postgres with admin option;
    grant pg_monitor, pg_read_all_data, pg_signal_backend to postgres with admin option;
    grant set on parameter session_replication_role to postgres;
  end if;
end;
$$;

-- The time limits of the Data API's roles on the platform.
alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';
