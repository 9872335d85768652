-- The schemas a hosted database starts with, and what its API roles may do in `public`.

create schema if not exists extensions;
grant usage on schema extensions to anon, authenticated, service_role;
grant all on schema extensions to postgres;

create schema if not exists auth;
grant usage on schema auth to anon, authenticated, service_role;
grant all on schema auth to postgres;

grant usage on schema public to anon, authenticated, service_role;

-- Since 2026-10-30 new tables and sequences are not exposed automatically. Functions are the trap that is kept on
-- purpose: PostgreSQL itself lets PUBLIC execute them, and projects from before that day grant it to the API roles by
-- name as well, so that "revoke ... from public" alone leaves a function open. `service_role` gets nothing, so that a
-- forgotten grant shows. The grants are per owner; `current_user` differs from `postgres` where the migrations run as
-- another role.
do $$
declare
  owner name;
begin
  foreach owner in array array['postgres', current_user::text]
  loop
    execute format(
      'alter default privileges for role %I in schema public revoke all on tables from anon, authenticated, service_role', owner);
    execute format(
      'alter default privileges for role %I in schema public revoke all on sequences from anon, authenticated, service_role', owner);
    execute format(
      'alter default privileges for role %I in schema public grant execute on functions to anon, authenticated', owner);
  end loop;
end;
$$;
