-- Stand-in for pg_net 0.20.4: what a database sees of it. local/workers/net-worker.ts sends the requests.
-- Works inside "create extension" and, where the server's extension folder cannot be written, as plain SQL run by a superuser.
-- DIVERGENCES.md lists the differences from the original.

create schema if not exists net;

create domain net.http_method as text check (value ilike 'get' or value ilike 'post' or value ilike 'delete');

-- Unlogged, like the original: a crash of the server loses requests and responses.
create unlogged table net.http_request_queue (
  id bigserial,
  method net.http_method not null,
  url text not null,
  headers jsonb,
  body bytea,
  timeout_milliseconds int not null
);

create unlogged table net._http_response (
  id bigint,
  status_code integer,
  content_type text,
  headers jsonb,
  content text,
  timed_out bool,
  error_msg text,
  created timestamptz not null default now()
);
create index on net._http_response (created);

create function net.check_worker_is_up() returns void language plpgsql set search_path = '' as $$
begin
  if not exists (select from pg_catalog.pg_stat_activity where application_name like 'pg_net %') then
    raise exception 'the pg_net background worker is not up' using
      detail = 'the pg_net background worker is down due to an internal error and cannot process requests',
      hint = 'make sure that you didn''t modify any of pg_net internal tables';
  end if;
end;
$$;
comment on function net.check_worker_is_up() is 'raises if no worker is connected';

create function net.wait_until_running() returns void language plpgsql set search_path = '' as $$
begin
  while not exists (select from pg_catalog.pg_stat_activity where application_name like 'pg_net %')
  loop
    perform pg_catalog.pg_sleep(0.05);
    -- A transaction sees pg_stat_activity as it was at the first look.
    perform pg_catalog.pg_stat_clear_snapshot();
  end loop;
end;
$$;
comment on function net.wait_until_running() is 'waits until a worker is connected';

-- The worker polls the queue several times a second and need not be woken.
create function net.wake() returns void language sql set search_path = '' as '';

create function net.worker_restart() returns bool language sql set search_path = '' as 'select true';

create function net._await_response(request_id bigint) returns bool language plpgsql set search_path = '' as $$
begin
  while not exists (select from net._http_response where id = request_id)
  loop
    perform pg_catalog.pg_sleep(0.05);
  end loop;
  return true;
end;
$$;

create function net._urlencode_string(string varchar) returns text
language sql immutable strict set search_path = '' as $$
  select coalesce(pg_catalog.string_agg(
    case when c ~ '^[A-Za-z0-9._~-]$' then c
      else pg_catalog.regexp_replace(pg_catalog.upper(pg_catalog.encode(pg_catalog.convert_to(c, 'UTF8'), 'hex')), '(..)', '%\1', 'g')
    end, '' order by position), '')
  from pg_catalog.regexp_split_to_table(string, '') with ordinality as characters (c, position)
$$;

-- Null for a null URL, which the queue's not-null constraint then refuses: a missing URL fails where it is queued.
create function net._encode_url_with_params_array(url text, params_array text[]) returns text
language plpgsql immutable strict set search_path = '' as $$
declare
  part text[] := pg_catalog.regexp_match(url, '^([A-Za-z][A-Za-z0-9+.-]*://[^/?#\s]+)([^?#\s]*)([^#\s]*)(\S*)$');
  query text;
begin
  if part is null then
    raise exception 'URL using bad/illegal format or missing URL';
  end if;
  query := pg_catalog.array_to_string(pg_catalog.array_remove(pg_catalog.ltrim(part[3], '?') || params_array, ''), '&');
  return part[1] || coalesce(nullif(part[2], ''), '/') || case when query = '' then part[3] else '?' || query end || part[4];
end;
$$;

create function net._enqueue(method text, url text, params jsonb, headers jsonb, body jsonb, timeout_milliseconds int)
returns bigint language plpgsql set search_path = '' as $$
declare
  request_id bigint;
begin
  insert into net.http_request_queue (method, url, headers, body, timeout_milliseconds)
  select _enqueue.method,
    net._encode_url_with_params_array(_enqueue.url, coalesce(pg_catalog.array_agg(
      net._urlencode_string(key) || '=' || net._urlencode_string(value)) filter (where key is not null), '{}')),
    _enqueue.headers, pg_catalog.convert_to(_enqueue.body::text, 'UTF8'), _enqueue.timeout_milliseconds
  from (select) as one_row left join pg_catalog.jsonb_each_text(params) on true
  returning id into request_id;
  perform net.wake();
  return request_id;
end;
$$;

create function net.http_get(
  url text, params jsonb default '{}', headers jsonb default '{}', timeout_milliseconds int default 5000)
returns bigint language sql set search_path = '' as $$
  select net._enqueue('GET', url, params, headers, null, timeout_milliseconds)
$$;

create function net.http_post(
  url text, body jsonb default '{}', params jsonb default '{}', headers jsonb default '{"Content-Type": "application/json"}',
  timeout_milliseconds int default 5000)
returns bigint language plpgsql set search_path = '' as $$
declare
  content_type text := (select value from pg_catalog.jsonb_each_text(headers) where pg_catalog.lower(key) = 'content-type' limit 1);
begin
  if content_type is null then
    headers := headers || '{"Content-Type": "application/json"}';
  elsif content_type <> 'application/json' then
    raise exception 'Content-Type header must be "application/json"';
  end if;
  return net._enqueue('POST', url, params, headers, body, timeout_milliseconds);
end;
$$;
comment on function net.http_post(text, jsonb, jsonb, jsonb, int) is
  'Queues a request, sent after the commit. A header whose value is null is dropped silently.';

create function net.http_delete(
  url text, params jsonb default '{}', headers jsonb default '{}', timeout_milliseconds int default 5000, body jsonb default null)
returns bigint language sql set search_path = '' as $$
  select net._enqueue('DELETE', url, params, headers, body, timeout_milliseconds)
$$;

-- Every role of the database may read queued headers and responses. A fault of the original, kept.
grant usage on schema net to public;
grant all on all sequences in schema net to public;
grant all on all tables in schema net to public;
