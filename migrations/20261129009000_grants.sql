-- Who may do what. Only the owner may use Lapse's objects, except as this list says.
--
-- lapse.secure() revokes everything and grants what the list says. It ends this migration and every later one, and an
-- operator calls it after a restore: dumps carry no default privileges, and in a project whose default privileges
-- still favour `anon`, a restore grants access to everything.

-- Contract: every privilege that an API role holds, one row each, functions by name.
create function lapse.expected_grants() returns table (kind text, name text, role text, privilege text)
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  -- Both sides of a view: it reads its table with its reader's rights.
  select 'relation', side.prefix || t.name, r.role, 'SELECT'
  from unnest('{metrics,metrics_daily,runs,decisions,alerts,orders,payments,refunds,jobs,schedules}'::text[]) t (name)
  cross join unnest('{lapse.,public.lapse_}'::text[]) side (prefix)
  cross join unnest('{authenticated,service_role}'::text[]) r (role)
  union all
  select 'function', 'public.lapse_' || f.name, 'service_role', 'EXECUTE'
  from unnest(array[
    -- the shop's backend
    'watch_order', 'attach_payment', 'mark_paid', 'follow_order',
    -- the functions
    'begin_run', 'finish_run', 'continue_run', 'list_windows', 'record_listed', 'list_failed', 'close_without_payments',
    'claim_orders', 'claim_without_payments', 'preview_orders', 'preview_units', 'settle_orders', 'shrink_close_batch', 'health',
    'find_payment', 'record_event', 'claim_refunds', 'record_refund', 'read_metrics', 'connect',
    -- the operator's tools
    'sync_order', 'redrive_order', 'declare_dead', 'resolve_order', 'resolve_alert', 'schedule', 'inspect',
    'test_adapter', 'adopt_orders', 'enable', 'disable', 'release_refunds'
  ]) f (name);
$$;

-- Contract: everything of Lapse that has privileges: its schemas, and the relations, sequences and functions in lapse
-- and public.lapse_*. lapse_shop is left out: only its owner can look up names there, and its objects are the shop's.
create function lapse.own_objects()
returns table (kind text, oid oid, owner oid, name text, target text, acl aclitem[])
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'schema', n.oid, n.nspowner, n.nspname::text, format('schema %I', n.nspname), coalesce(n.nspacl, acldefault('n', n.nspowner))
  from pg_namespace n
  where n.nspname in ('lapse', 'lapse_shop')
  union all
  select case c.relkind when 'S' then 'sequence' else 'relation' end, c.oid, c.relowner, format('%s.%s', n.nspname, c.relname),
    format('%s %I.%I', case c.relkind when 'S' then 'sequence' else 'table' end, n.nspname, c.relname),
    coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", c.relowner))
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    and (n.nspname = 'lapse' or n.nspname = 'public' and c.relname like 'lapse\_%')
  union all
  select 'function', p.oid, p.proowner, format('%s.%s', n.nspname, p.proname),
    'routine ' || p.oid::regprocedure::text, coalesce(p.proacl, acldefault('f', p.proowner))
  from pg_proc p
  join pg_namespace n on n.oid = p.pronamespace
  where n.nspname = 'lapse' or n.nspname = 'public' and p.proname like 'lapse\_%';
$$;

-- Contract: revokes everything of Lapse from the API's roles and grants what the list says. Enables row-level security
-- on every table, with one policy for each table that operators and viewers read. Safe to repeat. Objects that
-- somebody else owns are left alone; lapse.inspect names them.
create function lapse.secure() returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_command text;
begin
  for v_command in
    -- what default privileges would give to everything that is created later
    select format('alter default privileges for role %I in schema %I revoke all on %s from %s', r.rolname, n.nspname,
      case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types' end,
      case x.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(x.grantee)) end)
    from pg_default_acl d
    join pg_namespace n on n.oid = d.defaclnamespace
    join pg_roles r on r.oid = d.defaclrole
    cross join lateral aclexplode(d.defaclacl) x
    where n.nspname in ('lapse', 'lapse_shop') and d.defaclobjtype in ('r', 'S', 'f', 'T') and pg_has_role(d.defaclrole, 'USAGE')
      and (x.grantee = 0 or pg_get_userbyid(x.grantee) in ('anon', 'authenticated', 'service_role'))
    union all
    select format('revoke all on %s from public, anon, authenticated, service_role', o.target)
    from lapse.own_objects() o
    where pg_has_role(o.owner, 'USAGE')
    union all
    select format('alter table %s enable row level security', c.oid::regclass)
    from pg_class c
    where c.relnamespace = 'lapse'::regnamespace and c.relkind in ('r', 'p') and not c.relrowsecurity and pg_has_role(c.relowner, 'USAGE')
  loop
    execute v_command;
  end loop;

  for v_command in
    select format('grant %s on %s to %I', g.privilege, o.target, g.role)
    from lapse.expected_grants() g
    join lapse.own_objects() o using (kind, name)
    where pg_has_role(o.owner, 'USAGE')
    union all
    -- In a subselect the role is looked up once, not once per row.
    select format(
      'create policy "operators and viewers read" on %s for select to authenticated using (%s)', o.oid::regclass,
      $policy$(select coalesce((select auth.jwt()) -> 'app_metadata' ->> 'lapse_role' in ('operator', 'viewer'), false))$policy$
    )
    from lapse.expected_grants() g
    join lapse.own_objects() o using (kind, name)
    where g.role = 'authenticated' and g.name like 'lapse.%' and pg_has_role(o.owner, 'USAGE')
      and not exists (select from pg_policy p where p.polrelid = o.oid and p.polname = 'operators and viewers read')
  loop
    execute v_command;
  end loop;
end;
$$;
comment on function lapse.secure() is
  'Revokes everything of Lapse from the API''s roles and grants lapse.expected_grants(). Call it again after a restore.';

-- Contract: what differs from the list, in a sentence each: privileges that are more or less, row-level security that
-- is off, policies that are not Lapse's, views that read with their owner's rights, security definer functions without
-- their own search_path. Privileges of roles other than the API's are left alone.
create function lapse.privilege_problems() returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with own as materialized (
    select * from lapse.own_objects()
  ),
  held as materialized (
    select o.kind, o.name, o.target, case x.grantee when 0 then 'everybody' else pg_get_userbyid(x.grantee) end as role,
      x.privilege_type as privilege
    from own o
    cross join lateral aclexplode(o.acl) x
    union
    select o.kind, o.name, o.target, case x.grantee when 0 then 'everybody' else pg_get_userbyid(x.grantee) end, x.privilege_type
    from own o
    join pg_attribute a on a.attrelid = o.oid and o.kind = 'relation' and a.attacl is not null
    cross join lateral aclexplode(a.attacl) x
  )
  select format('%s may %s %s', h.role, lower(h.privilege), h.target)
  from held h
  where h.role in ('everybody', 'anon', 'authenticated', 'service_role')
    and not exists (
      select from lapse.expected_grants() g where (g.kind, g.name, g.role, g.privilege) = (h.kind, h.name, h.role, h.privilege)
    )
  union all
  select format('%s may not %s %s', g.role, lower(g.privilege), o.target)
  from lapse.expected_grants() g
  join own o using (kind, name)
  where not exists (
    select from held h where (h.target, h.role, h.privilege) = (o.target, g.role, g.privilege)
  )
  union all
  select format('%s does not exist', g.name)
  from lapse.expected_grants() g
  where not exists (select from own o where (o.kind, o.name) = (g.kind, g.name))
  group by g.name
  union all
  select format('row-level security is off for %s', o.target)
  from own o
  join pg_class c on c.oid = o.oid and o.kind = 'relation'
  where c.relkind in ('r', 'p') and not c.relrowsecurity
  union all
  select format('policy "%s" on %s lets in others than operators and viewers', p.policyname, o.target)
  from own o
  join pg_policies p on o.kind = 'relation' and o.name = format('%s.%s', p.schemaname, p.tablename)
  where p.roles <> '{authenticated}' or p.cmd <> 'SELECT' or p.qual not like '%lapse_role%'
  union all
  select format('no policy lets operators read %s', o.target)
  from own o
  join lapse.expected_grants() g using (kind, name)
  where g.role = 'authenticated' and o.name like 'lapse.%' and not exists (select from pg_policy p where p.polrelid = o.oid)
  union all
  select format('%s reads with the rights of its owner', o.target)
  from own o
  join pg_class c on c.oid = o.oid and o.kind = 'relation'
  where c.relkind = 'v' and not coalesce(c.reloptions @> '{security_invoker=true}', false)
  union all
  select format('%s runs with its owner''s rights and without a search path of its own', o.target)
  from own o
  join pg_proc p on p.oid = o.oid and o.kind = 'function'
  where p.prosecdef and not coalesce(p.proconfig @> array['search_path=pg_catalog, pg_temp'], false);
$$;
select lapse.secure();
