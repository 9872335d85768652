-- The extensions that run the schedule: pg_cron (when), pg_net (the call), Vault (the secrets).
--
-- On Supabase they only need switching on. A database that already has their functions under another roof is left as it is.

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
