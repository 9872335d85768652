-- Secrets in Vault: what the schedule and the alerts read, and the way operators set it.
--
-- jobs_functions_url (where the Edge Functions are), jobs_scheduler_secret (what opens their gate for pg_cron), jobs_alert_webhook_url
-- (optional). They are read at each use, so that a change works at once.

-- Contract: one secret of Vault by name. Raises no_data_found when it is missing or empty. The value is never part of an error.
create function jobs.read_secret(p_name text) returns text
language plpgsql stable
set search_path = ''
as $$
declare
  v_secret text;
begin
  select s.decrypted_secret into v_secret from vault.decrypted_secrets s where s.name = p_name;
  if coalesce(btrim(v_secret), '') = '' then
    raise exception 'Cannot dispatch as the Vault secret % is missing: current value is empty', p_name
      using errcode = 'no_data_found', hint = format('select vault.create_secret(''…'', %L);', p_name);
  end if;
  return btrim(v_secret);
end;
$$;

comment on function jobs.read_secret(text) is 'One secret of Vault; raises when it is missing or empty.';

-- Contract: p_url as it came if it is https, or http to this very machine; raises 22023 otherwise. What follows the scheme stays out of
-- the error: a webhook's path is a secret.
create function jobs.checked_url(p_url text, p_name text) returns text
language plpgsql immutable
set search_path = ''
as $$
begin
  if p_url !~ '^https://[^/@\s]+(/\S*)?$' and p_url !~ '^http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/\S*)?$' then
    raise exception 'Cannot use % as it is not https: current value is %', p_name, split_part(p_url, '//', 1) || '//…'
      using errcode = 'invalid_parameter_value';
  end if;
  return p_url;
end;
$$;

comment on function jobs.checked_url(text, text) is 'A URL that secrets may be sent to; raises for any other.';

-- Contract: where the functions live, without a slash at the end.
create function jobs.functions_url() returns text
language sql stable
set search_path = ''
as $$
  select jobs.checked_url(rtrim(jobs.read_secret('jobs_functions_url'), '/'), 'jobs_functions_url');
$$;

comment on function jobs.functions_url() is 'Base URL of the Edge Functions, from Vault.';

-- Contract: writes a secret of Vault, or removes it when p_secret is null. Raises 22023 for a name that nothing reads, and for a
-- scheduler's secret that the functions would refuse; never with the secret in its message.
create function jobs.set_secret(p_name text, p_secret text) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_id uuid := (select s.id from vault.decrypted_secrets s where s.name = p_name);
begin
  if p_name is null or p_name not in ('jobs_functions_url', 'jobs_scheduler_secret', 'jobs_alert_webhook_url') then
    raise exception 'Cannot set a secret that nothing reads: current value is %', p_name using errcode = 'invalid_parameter_value';
  end if;
  if p_name = 'jobs_scheduler_secret' and length(p_secret) < 32 then
    raise exception 'Cannot set jobs_scheduler_secret to fewer than 32 characters: current value has %', length(p_secret)
      using errcode = 'invalid_parameter_value';
  end if;
  if p_secret is null then
    delete from vault.secrets s where s.id = v_id;
  elsif v_id is null then
    perform vault.create_secret(p_secret, p_name);
  else
    perform vault.update_secret(v_id, p_secret);
  end if;
end;
$$;

-- Contract: sets where the functions are, or the webhook of the alerts; null removes it. Raises 22023 when the URL is not https.
create function jobs.set_functions_url(p_url text) returns void
language sql
set search_path = ''
as $$
  select jobs.set_secret('jobs_functions_url', jobs.checked_url(p_url, 'jobs_functions_url'));
$$;

create function jobs.set_alert_webhook(p_url text) returns void
language sql
set search_path = ''
as $$
  select jobs.set_secret('jobs_alert_webhook_url', jobs.checked_url(p_url, 'jobs_alert_webhook_url'));
$$;

comment on function jobs.set_secret(text, text) is 'Writes or, with null, removes a secret of Vault.';
comment on function jobs.set_functions_url(text) is 'Sets the base URL of the Edge Functions; refuses what is not https.';
comment on function jobs.set_alert_webhook(text) is 'Sets or, with null, removes the URL that alerts are sent to; refuses what is not https.';

revoke all on all functions in schema jobs from public;
