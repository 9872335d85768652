-- Secrets in Vault, which the schedule and the alerts read and operators set.
--
-- lapse_functions_url (where the Edge Functions are) and lapse_scheduler_secret (pg_cron's credential for them) are
-- required; lapse_alert_webhook_url and lapse_ping_url are optional. They are read at each use, so a change takes
-- effect at once.

-- A pasted value without the spaces and line breaks around it.
create function lapse.trimmed(p_text text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select btrim(p_text, E' \t\r\n');
$$;

-- Contract: one secret of Vault by name, or null when it is missing or empty. The value is never part of an error.
create function lapse.find_secret(p_name text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return (select nullif(lapse.trimmed(s.decrypted_secret), '') from vault.decrypted_secrets s where s.name = p_name);
exception when others then
  -- Another root key encrypted it, for example before a restore into this project.
  raise exception 'Cannot read the Vault secret %: Vault cannot decrypt it', p_name
    using detail = sqlerrm, hint = format('Set it again: select lapse.set_secret(%L, ''…'');', p_name);
end;
$$;

-- Contract: as lapse.find_secret, but raises no_data_found when the secret is missing or empty.
create function lapse.read_secret(p_name text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_secret text := lapse.find_secret(p_name);
begin
  if v_secret is null then
    raise exception 'Cannot dispatch a run: the Vault secret % is missing', p_name
      using errcode = 'no_data_found', hint = format('select lapse.set_secret(%L, ''…'');', p_name);
  end if;
  return v_secret;
end;
$$;

-- Contract: returns p_url unchanged if it is https, or http to this machine; raises 22023 otherwise. What follows the
-- scheme stays out of the error: the path of a webhook is a secret.
create function lapse.checked_url(p_url text, p_name text) returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_url !~ '^https://[^/@\s]+(/\S*)?$' and p_url !~ '^http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/\S*)?$' then
    raise exception 'Cannot use % as %: it must be an https URL', coalesce(substring(p_url, '^[a-z]{1,10}://'), '') || '…', p_name
      using errcode = 'invalid_parameter_value';
  end if;
  return p_url;
end;
$$;

-- Contract: the base URL of the functions, without a trailing slash.
create function lapse.functions_url() returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select lapse.checked_url(rtrim(lapse.read_secret('lapse_functions_url'), '/'), 'lapse_functions_url');
$$;

-- Contract: writes a secret of Vault, or removes it if p_secret is null. Raises 22023 for a name that Lapse does not
-- read, a URL that is not https, and a scheduler's secret that the functions would refuse. The message never contains
-- the secret.
create function lapse.set_secret(p_name text, p_secret text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_secret text := lapse.trimmed(p_secret);
begin
  if p_name like 'lapse\_%\_url' and v_secret is not null then
    perform lapse.checked_url(v_secret, p_name);
  end if;
  if p_name is null
    or p_name not in ('lapse_functions_url', 'lapse_scheduler_secret', 'lapse_alert_webhook_url', 'lapse_ping_url')
  then
    raise exception 'Cannot set the Vault secret %: Lapse reads no secret of that name', p_name
      using errcode = 'invalid_parameter_value';
  end if;
  if p_name = 'lapse_scheduler_secret' and length(v_secret) < 32 then
    raise exception 'Cannot set lapse_scheduler_secret: it needs 32 characters, and this one has %', length(v_secret)
      using errcode = 'invalid_parameter_value';
  end if;
  -- Not vault.update_secret: that decrypts the old value first, which fails when the root key has changed.
  delete from vault.secrets s where s.name = p_name;
  if v_secret is not null then
    perform vault.create_secret(v_secret, p_name);
  end if;
end;
$$;
comment on function lapse.set_secret(text, text) is 'Writes or, with null, removes a secret of Vault.';

create function lapse.set_functions_url(p_url text) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  select lapse.set_secret('lapse_functions_url', p_url);
$$;
comment on function lapse.set_functions_url(text) is 'Sets the base URL of the Edge Functions; refuses any but https.';

create function lapse.set_alert_webhook(p_url text) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  select lapse.set_secret('lapse_alert_webhook_url', p_url);
$$;
comment on function lapse.set_alert_webhook(text) is
  'Sets or, with null, removes the URL that alerts are sent to; refuses any but https.';

create function lapse.set_ping_url(p_url text) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  select lapse.set_secret('lapse_ping_url', p_url);
$$;
comment on function lapse.set_ping_url(text) is
  'Sets or, with null, removes the URL of a dead man''s switch that runs call when they complete; refuses any but https.';

-- Contract: why a function at this address must not work on this database: Vault names the functions of another
-- project, so the database is a copy of that project's, a branch of it, or a restored dump. Null if there is no
-- objection, or if the two were never connected.
create function lapse.elsewhere(p_functions_url text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_url text;
begin
  begin
    v_url := rtrim(lapse.find_secret('lapse_functions_url'), '/');
  exception when others then
    -- Copied without the key that encrypted it. Nothing can be dispatched either, and the doctor reports it.
    return null;
  end;
  if v_url = rtrim(p_functions_url, '/') or v_url is null or p_functions_url is null then
    return null;
  end if;
  return format(
    'Cannot begin run: this database belongs to the functions at %s, and these are at %s. If it was copied and should work on its own, '
    'run `lapse enable` with this project''s LAPSE_URL', v_url, rtrim(p_functions_url, '/')
  );
end;
$$;

-- Contract: stores the functions' address and the scheduler's secret. The functions call this themselves when `lapse
-- enable` asks them to, because only they know both. Returns the URL. Raises as lapse.set_secret.
create function public.lapse_connect(p_functions_url text, p_scheduler_secret text) returns text
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform lapse.set_secret('lapse_scheduler_secret', p_scheduler_secret);
  perform lapse.set_functions_url(p_functions_url);
  return lapse.functions_url();
end;
$$;
comment on function public.lapse_connect(text, text) is
  'Stores the functions'' address and the scheduler''s secret. For the Edge Functions (secret key) only.';
