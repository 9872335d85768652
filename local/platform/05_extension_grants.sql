-- What the platform grants `postgres` and the API roles on the extensions' schemas (supabase/postgres, after-create
-- scripts). pg_net itself leaves its tables readable for PUBLIC; that fault is not repaired here.

do $$
begin
  if to_regnamespace('cron') is not null then
    grant usage on schema cron to postgres with grant option;
    grant execute on all functions in schema cron to postgres with grant option;
    grant all on all tables in schema cron to postgres with grant option;
    grant all on all sequences in schema cron to postgres with grant option;
    revoke all on cron.job from postgres;
    grant select on cron.job to postgres with grant option;
  end if;
  if to_regnamespace('net') is not null then
    grant usage on schema net to postgres, anon, authenticated, service_role;
  end if;
  if to_regnamespace('vault') is not null then
    grant usage on schema vault to postgres, service_role with grant option;
    grant select, delete on vault.secrets, vault.decrypted_secrets to postgres, service_role with grant option;
    grant execute on function vault.create_secret, vault.update_secret to postgres, service_role with grant option;
  end if;
end;
$$;
