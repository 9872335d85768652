-- The schemas of Lapse, and the extensions that its schedule needs.
--
-- Everything of Lapse is in schema `lapse`. The shop's adapter is in `lapse_shop`, which updates never touch.
-- `public` holds only views and functions named `lapse_*`, because the REST API serves that schema.

create schema lapse;
create schema lapse_shop;

comment on schema lapse is 'Lapse: ledger of unpaid orders, runs, schedules, alerts. Not exposed over REST.';
comment on schema lapse_shop is 'The shop''s adapter for Lapse: a few SQL functions that the shop owns. Updates of Lapse never change them.';

-- Supabase has these extensions enabled or available. A database that already has them in another schema keeps them
-- there.
do $$
begin
  if to_regprocedure('cron.schedule(text, text, text)') is null then
    create extension if not exists pg_cron;
  end if;
  if to_regprocedure('net.http_post(text, jsonb, jsonb, jsonb, integer)') is null then
    create extension if not exists pg_net with schema extensions;
  end if;
  if to_regclass('vault.decrypted_secrets') is null then
    create extension if not exists supabase_vault;
  end if;
end;
$$;

-- Contract: the release of Lapse that this database has. Each release's migration replaces it.
create function lapse.version() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select '0.2.0';
$$;
comment on function lapse.version() is 'The release of Lapse that this database has.';
