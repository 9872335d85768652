-- Stand-in for Supabase Vault 0.3.1: same table, view and functions. NOTHING IS ENCRYPTED, see DIVERGENCES.md.
-- Works inside "create extension" and, where the server's extension folder cannot be written, as plain SQL run by a superuser.

do $$
begin
  -- "create extension" has made the schema already and refuses "create schema if not exists" for it.
  if pg_catalog.to_regnamespace('vault') is null then
    create schema vault;
  end if;
end;
$$;

create table vault.secrets (
  id uuid primary key default pg_catalog.gen_random_uuid(),
  name text,
  description text not null default '',
  secret text not null,
  key_id uuid,
  nonce bytea default pg_catalog.uuid_send(pg_catalog.gen_random_uuid()),
  created_at timestamptz not null default current_timestamp,
  updated_at timestamptz not null default current_timestamp
);
comment on table vault.secrets is 'Secrets, encoded as base64. This is the stand-in: nothing is encrypted.';
create unique index on vault.secrets (name) where name is not null;

create view vault.decrypted_secrets as
select id, name, description, secret,
  pg_catalog.convert_from(pg_catalog.decode(secret, 'base64'), 'utf8') as decrypted_secret,
  key_id, nonce, created_at, updated_at
from vault.secrets;

create function vault._encode(new_secret text) returns text language sql immutable strict set search_path = '' as $$
  select pg_catalog.encode(pg_catalog.convert_to(new_secret, 'utf8'), 'base64')
$$;

create function vault.create_secret(
  new_secret text, new_name text default null, new_description text default '', new_key_id uuid default null)
returns uuid language sql security definer set search_path = '' as $$
  insert into vault.secrets (secret, name, description)
  values (vault._encode(new_secret), new_name, new_description)
  returning id
$$;
comment on function vault.create_secret(text, text, text, uuid) is 'Stores a secret. new_key_id is unused, as in the original.';

create function vault.update_secret(
  secret_id uuid, new_secret text default null, new_name text default null, new_description text default null,
  new_key_id uuid default null)
returns void language sql security definer set search_path = '' as $$
  update vault.secrets set
    secret = coalesce(vault._encode(new_secret), secret),
    name = coalesce(new_name, name),
    description = coalesce(new_description, description),
    updated_at = pg_catalog.now()
  where id = secret_id
$$;
comment on function vault.update_secret(uuid, text, text, text, uuid) is
  'Changes what is not null. An id that does not exist changes nothing, as in the original.';

revoke all on function vault.create_secret(text, text, text, uuid) from public;
revoke all on function vault.update_secret(uuid, text, text, text, uuid) from public;
revoke all on function vault._encode(text) from public;
