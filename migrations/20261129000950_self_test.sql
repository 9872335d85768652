-- The adapter's self-test: calls the shop's functions as a run would, and rolls everything back.
--
-- Each part runs in a subtransaction that always ends with an exception, so that nothing remains: no closed order, no
-- lock, no request of pg_net. A synchronous call of extension http does not roll back, so the test closes no orders in
-- a shop whose triggers make one.

-- `ok` is null for a warning: Lapse works, but a person should look at it.
create type lapse.finding as (name text, ok boolean, message text);

-- Contract: up to 20 open orders of the shop, oldest first; none if there is none or the adapter fails.
create function lapse.test_sample() returns text[]
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  return array(select s.ref from lapse_shop.open_orders() s where s.ref <> '' order by s.placed_at, s.ref limit 20);
exception when others then
  return array[]::text[];
end;
$$;

-- Contract: functions that wait for an answer over HTTP, by extension http or by calling such a function, and triggers
-- of the shop that call them. pg_net only queues its requests, which rolls back.
create function lapse.http_callers() returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with recursive routines as materialized (
    select p.oid, n.nspname, p.proname,
      regexp_replace(p.prosrc, '\mnet\s*\.\s*http_\w+', '', 'gi') as body
    from pg_proc p
    join pg_namespace n on n.oid = p.pronamespace
    join pg_language l on l.oid = p.prolang
    where l.lanname not in ('internal', 'c')
      and n.nspname not in (
        'lapse', 'pg_catalog', 'information_schema', 'auth', 'storage', 'realtime', 'vault', 'cron', 'net',
          'supabase_functions', 'extensions',
        'graphql', 'graphql_public', 'pgbouncer', 'pgsodium'
      )
  ),
  callers as (
    select r.oid, r.nspname, r.proname from routines r
    where r.body ~* '\mhttp(_get|_post|_put|_patch|_delete|_head)?\s*\('
    union
    select r.oid, r.nspname, r.proname
    from callers c
    join routines r on r.body ~ ('\m' || c.proname || '\s*\(') and c.proname ~ '^\w+$'
  )
  select format('trigger %I of %s calls %s', t.tgname, t.tgrelid::regclass, t.tgfoid::regprocedure)
  from pg_trigger t
  join callers c on c.oid = t.tgfoid
  where not t.tgisinternal and t.tgenabled <> 'D'
  union all
  select format('%s calls it', c.oid::regprocedure)
  from callers c
  where c.nspname = 'lapse_shop';
$$;

-- Contract: how many rows this transaction has written to tables that are not Lapse's.
create function lapse.rows_written() returns bigint
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(sum(s.n_tup_ins + s.n_tup_upd + s.n_tup_del), 0)::bigint
  from pg_stat_xact_user_tables s
  where s.schemaname not in ('lapse', 'cron', 'net');
$$;

-- Contract: how often this transaction read each table of the shop as a whole, and how many rows each index gave it.
create function lapse.reads_so_far() returns table (relation oid, scans bigint, index_rows bigint)
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  select s.relid, s.seq_scan, (
    select sum(pg_stat_get_xact_tuples_returned(i.indexrelid))::bigint from pg_index i where i.indrelid = s.relid
  )
  from pg_stat_xact_user_tables s
  where s.schemaname not in ('lapse', 'cron', 'net');
$$;

-- lock_orders, asked about refs that no order can have.
create function lapse.test_unknown_refs(p_sample text[]) returns setof lapse.finding
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_refs text[] := array[
    'lapse-self-test', gen_random_uuid()::text, upper(gen_random_uuid()::text), repeat('x', 500), '-1',
      '99999999999999999999999999999',
    '1e400', 'infinity', 'NaN', 'null', '{}', e'two\nlines', '''; --', ' ', 'é'
  ];
  v_wait boolean;
  v_bad text;
begin
  foreach v_wait in array array[false, true] loop
    select format('%s is answered with %s', quote_literal(left(a.ref, 50)), case count(l.ref)
      when 0 then 'no row' when 1 then coalesce(min(l.state), 'null') else format('%s rows', count(l.ref)) end)
    into v_bad
    from unnest(v_refs) a (ref)
    left join lapse_shop.lock_orders(p_refs => v_refs, p_wait => v_wait) l on l.ref = a.ref
    group by a.ref
    having count(l.ref) <> 1 or bool_or(l.state is distinct from 'gone')
    limit 1;
    if found then
      return query select 'unknown_refs', false, format('lock_orders(p_wait => %s): %s; it must return one row, with state gone',
        v_wait, v_bad);
      return;
    end if;
  end loop;
  if exists (select from lapse_shop.lock_orders(p_refs => '{}', p_wait => false)) then
    return query select 'unknown_refs', false, 'lock_orders returns orders that it was not asked about'::text;
    return;
  end if;
  if exists (select from lapse_shop.open_orders(p_refs => v_refs))
    or exists (select from lapse_shop.open_orders(p_refs => '{}'))
  then
    return query select 'unknown_refs', false, 'open_orders returns orders that it was not asked about'::text;
    return;
  end if;
  return query select 'unknown_refs', true, 'refs that no order can have are gone'::text;
end;
$$;

-- open_orders: every row can be used, and a lookup answers what the whole list does.
create function lapse.test_open_orders(p_sample text[]) returns setof lapse.finding
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_begun timestamptz := clock_timestamp();
  v_count bigint;
  v_took interval;
  v_surplus bigint;
  v_unreadable bigint;
  v_example text;
  v_foreign text;
  v_differs text;
begin
  select count(*), count(*) - count(distinct s.ref collate "C") into v_count, v_surplus from lapse_shop.open_orders() s
  where s.ref <> '';
  v_took := clock_timestamp() - v_begun;
  if v_surplus > 0 then
    return query select 'open_orders', false, format('open_orders returns order %s twice', (
      select s.ref from lapse_shop.open_orders() s group by s.ref having count(*) > 1 limit 1
    ));
    return;
  end if;
  select count(*) filter (where r.quarantine is not null), min(o.ref) filter (where r.quarantine is not null), min(x.id)
  into v_unreadable, v_example, v_foreign
  from (select * from lapse_shop.open_orders() limit 10000) o
  cross join lateral lapse.read_open_order(
    p_ref => o.ref, p_placed_at => o.placed_at, p_deadline => o.deadline, p_amount => o.amount,
    p_currency => o.currency, p_account => o.account, p_now => now()
  ) r
  left join lateral (
    select min(i) as id from unnest(o.stripe_ids) i where i <> '' and lapse.stripe_id_in(i) is null
  ) x on true;

  select a.ref into v_differs
  from unnest(p_sample) a (ref)
  left join lapse_shop.open_orders(p_refs => p_sample) b on b.ref = a.ref
  left join lapse_shop.lock_orders(p_refs => p_sample, p_wait => false) l on l.ref = a.ref
  -- An order that changes at the same time is locked, or no longer open.
  where l.state = 'open' and b.ref is null
  limit 1;
  if found then
    return query select 'open_orders', false,
      format('open_orders does not return open order %s when it is asked for it', v_differs);
    return;
  end if;

  return query select 'open_orders', case when v_took <= interval '2 seconds' then true end,
    format('%s open orders, read in %s ms', v_count, round(extract(epoch from v_took) * 1000));
  if v_unreadable > 0 then
    return query select 'open_order_values', null::boolean, format(
      '%s open orders will be quarantined: their amount, currency, deadline or account is unusable, for example of %s',
      v_unreadable, v_example
    );
  end if;
  if v_foreign is not null then
    return query select 'payment_ids', null::boolean,
      format('%s is not the id of a PaymentIntent or Checkout Session; such ids begin with pi_ or cs_',
        left(v_foreign, 60));
  end if;
end;
$$;

-- lock_orders, asked about open orders. With p_wait false it leaves locked orders out.
create function lapse.test_lock_orders(p_sample text[]) returns setof lapse.finding
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_begun timestamptz := clock_timestamp();
  v_row record;
  v_locked text[];
  v_free text[];
begin
  if p_sample = '{}' then
    return query select 'lock_orders', true, 'not tried: the shop has no open order'::text;
    return;
  end if;
  select l.ref, count(*) as rows into v_row
  from lapse_shop.lock_orders(p_refs => p_sample, p_wait => false) l
  group by l.ref
  having count(*) > 1 or l.ref is null or l.ref <> all (p_sample)
  limit 1;
  if found then
    return query select 'lock_orders', false,
      format('lock_orders returns order %s %s times; it must return each order once',
      coalesce(v_row.ref, 'null'), v_row.rows);
    return;
  end if;
  if not exists (
    select from pg_locks k join pg_class c on c.oid = k.relation join pg_namespace n on n.oid = c.relnamespace
    where k.pid = pg_backend_pid() and k.mode in ('RowShareLock', 'RowExclusiveLock', 'ExclusiveLock')
      and k.locktype = 'relation'
      and n.nspname not in ('lapse', 'pg_catalog')
  ) then
    return query select 'lock_orders', false,
      'lock_orders locks nothing: it has to read the orders `for no key update`'::text;
    return;
  end if;

  -- The rows are locked before this statement begins, so they cannot change, and open_orders must agree.
  v_locked := array(select l.ref from lapse_shop.lock_orders(p_refs => p_sample, p_wait => false) l);
  select l.ref, l.state into v_row
  from lapse_shop.lock_orders(p_refs => v_locked, p_wait => false) l
  join lapse_shop.open_orders(p_refs => v_locked) o on o.ref = l.ref
  where l.state is distinct from 'open'
  limit 1;
  if found then
    return query select 'lock_orders', false,
      format('order %s is %s in lock_orders and open in open_orders', v_row.ref, coalesce(v_row.state, 'null'));
    return;
  end if;
  v_free := array(select l.ref from lapse_shop.lock_orders(p_refs => p_sample, p_wait => false) l
    where l.state = 'open');
  if v_free = '{}' then
    return query select 'lock_orders', null::boolean,
      'not tried: every open order of the sample is locked or was closed'::text;
    return;
  end if;
  select l.ref, l.state, l.units, l.stripe_ids into v_row
  from lapse_shop.lock_orders(p_refs => v_free, p_wait => true) l
  left join lapse_shop.open_orders(p_refs => v_free) o on o.ref = l.ref
  where l.state is distinct from 'open' or l.units is null or l.units < 0 or o.ref is null
    or array(select i from unnest(l.stripe_ids) i where i is not null order by 1)
      is distinct from array(select i from unnest(o.stripe_ids) i where i is not null order by 1)
  limit 1;
  if found then
    return query select 'lock_orders', case when v_row.state = 'open' and v_row.units >= 0 then null else false end,
    format(
      'order %s is open for open_orders; lock_orders says %s, %s units, payments %s', v_row.ref,
      coalesce(v_row.state, 'null'),
      coalesce(v_row.units::text, 'null'), coalesce(array_to_string(v_row.stripe_ids, ' '), 'null')
    );
    return;
  end if;
  return query select 'lock_orders', case when clock_timestamp() - v_begun <= interval '1 second' then true end,
    format('locked %s open orders, in %s ms', cardinality(v_free),
      round(extract(epoch from clock_timestamp() - v_begun) * 1000));
end;
$$;

-- Contract: closes these open orders in the shop in one way, then again, then in the other way, which must change
-- nothing. Returns what is wrong, or null.
create function lapse.test_finish(p_refs text[], p_paid boolean) returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_expired text[] := case when p_paid then '{}' else p_refs end;
  v_paid text[] := case when p_paid then p_refs else '{}' end;
  v_wanted text[] := case when p_paid then array['paid'] else array['closed', 'gone'] end;
  v_word text := case when p_paid then 'p_paid' else 'p_expired' end;
  v_written bigint := lapse.rows_written();
  v_units bigint := (select sum(l.units)::bigint from lapse_shop.lock_orders(p_refs => p_refs, p_wait => true) l);
  v_bad record;
begin
  perform set_config('lapse.settling', 'on', true);
  perform lapse_shop.finish_orders(p_expired => v_expired, p_paid => v_paid);
  set constraints all immediate;
  select l.ref, l.state into v_bad
  from lapse_shop.lock_orders(p_refs => p_refs, p_wait => true) l where l.state <> all (v_wanted) limit 1;
  if found then
    return format('after finish_orders(%s) order %s is %s', v_word, v_bad.ref, v_bad.state);
  end if;
  if not p_paid and v_units > 0 and lapse.rows_written() - v_written <= cardinality(p_refs) then
    return format(
      'lock_orders reports %s units, and finish_orders(p_expired) releases none: it changed only %s rows for %s orders',
      v_units, lapse.rows_written() - v_written, cardinality(p_refs));
  end if;

  v_written := lapse.rows_written();
  perform lapse_shop.finish_orders(p_expired => v_expired, p_paid => v_paid);
  if lapse.rows_written() <> v_written then
    return format('a second finish_orders(%s) of the same orders changes %s rows: it must close open orders only',
      v_word, lapse.rows_written() - v_written);
  end if;
  perform lapse_shop.finish_orders(p_expired => v_paid, p_paid => v_expired);
  if lapse.rows_written() <> v_written then
    return format('finish_orders changes orders that are closed already: after finish_orders(%s) it must close open orders only',
      v_word);
  end if;
  set constraints all immediate;
  return null;
end;
$$;

-- finish_orders, on open orders that are not locked.
create function lapse.test_finish_orders(p_sample text[]) returns setof lapse.finding
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_begun timestamptz := clock_timestamp();
  v_free text[];
  v_paid boolean;
  v_problem text;
begin
  if exists (select from lapse.http_callers()) then
    return query select 'finish_orders', null::boolean,
      'not tried: a trigger of the shop calls a server over HTTP, which could not be rolled back'::text;
    return;
  end if;
  v_free := array(
    select l.ref from lapse_shop.lock_orders(p_refs => p_sample, p_wait => false) l where l.state = 'open'
      and l.ref = any (p_sample)
  );
  if v_free = '{}' then
    return query select 'finish_orders', true, 'not tried: the shop has no unlocked open order'::text;
    return;
  end if;

  foreach v_paid in array array[false, true] loop
    begin
      v_problem := lapse.test_finish(p_refs => v_free, p_paid => v_paid);
      raise exception using errcode = 'LP003', message = 'The self-test rolls everything back';
    exception when sqlstate 'LP003' then
      null;
    end;
    if v_problem is not null then
      return query select 'finish_orders', false, v_problem;
      return;
    end if;
  end loop;
  return query select 'finish_orders', case when clock_timestamp() - v_begun <= interval '1 second' then true end,
    format(
    'closed %s open orders as expired and as paid, each once, in %s ms; rolled back', cardinality(v_free),
    round(extract(epoch from clock_timestamp() - v_begun) * 1000)
  );
end;
$$;

-- Tables that the adapter reads completely although the planner avoids that at any cost, so they lack an index. A
-- lookup of a few orders that reads thousands of index rows has no suitable index.
create function lapse.test_indexes(p_sample text[]) returns setof lapse.finding
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_refs text[] := p_sample || gen_random_uuid()::text;
  v_call text;
  v_before jsonb;
  v_reads text[] := array[]::text[];
begin
  -- A cached plan would ignore these settings.
  execute 'discard plans';
  perform set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true),
    set_config('max_parallel_workers_per_gather', '0', true);
  foreach v_call in array array['lock_orders(some)', 'open_orders(some)', 'open_orders()'] loop
    v_before := (select jsonb_object_agg(r.relation, to_jsonb(r)) from lapse.reads_so_far() r);
    case v_call
      when 'lock_orders(some)' then perform from lapse_shop.lock_orders(p_refs => v_refs, p_wait => false);
      when 'open_orders(some)' then perform from lapse_shop.open_orders(p_refs => v_refs);
      else perform from lapse_shop.open_orders();
    end case;
    v_reads := v_reads || array(
      select format('%s reads all of %s (%s rows)', v_call, r.relation::regclass, greatest(c.reltuples, 0)::bigint)
      from lapse.reads_so_far() r
      join pg_class c on c.oid = r.relation
      cross join lateral (select v_before -> r.relation::text as was) b
      where r.scans > coalesce((b.was -> 'scans')::bigint, 0)
        or v_call <> 'open_orders()' and r.index_rows > 2000
          + coalesce((nullif(b.was -> 'index_rows', 'null'))::bigint, 0)
      order by 1
    );
  end loop;
  return query select 'indexes', case when v_reads = '{}' then true end, case
    when v_reads = '{}' then 'lookups and the list of open orders use indexes'
    else array_to_string(v_reads, '; ') || '. Create an index for it, concurrently where the table is large'
  end;
end;
$$;

-- Contract: what is wrong with the arguments of a trigger of Lapse's: columns that its table does not have.
create function lapse.trigger_problem(p_relation oid, p_function text, p_arguments text[]) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with wanted as (
    select a.column_name
    from (
      select p_arguments[1]
      union all
      select nullif(p_arguments[2], '') where p_function = 'tg_watch'
      union all
      select p_arguments[3] where p_function = 'tg_watch' and p_arguments[3] !~* '^([a-z]{3})?$'
      union all
      select p_arguments[2] where p_function = 'tg_follow'
      union all
      select x from unnest(p_arguments[2:]) x where p_function = 'tg_attach' and strpos(x, '=') = 0
      union all
      select nullif(split_part(x, '=', 2), '') from unnest(p_arguments[2:]) x
      where strpos(x, '=') > 0 and split_part(x, '=', 1) <> 'unit' and p_function in ('tg_watch', 'tg_attach')
    ) a (column_name)
    where a.column_name is not null
  )
  select string_agg(quote_ident(w.column_name), ', ')
  from wanted w
  where not exists (
    select from pg_attribute a where a.attrelid = p_relation and a.attname = w.column_name and a.attnum > 0
      and not a.attisdropped
  );
$$;

-- The triggers that feed the ledger: they exist, are enabled, name columns that exist, and can append for every role
-- that changes the shop's row.
create function lapse.test_triggers(p_sample text[]) returns setof lapse.finding
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_trigger record;
  v_kinds text[] := array[]::text[];
  v_bad text[] := array[]::text[];
  v_role text;
  v_note record;
begin
  for v_trigger in
    select t.tgname, t.tgrelid, t.tgenabled, p.proname, p.prosecdef, p.proowner,
      (string_to_array(encode(t.tgargs, 'escape'), '\000'))[1:t.tgnargs] as arguments
    from pg_trigger t
    join pg_proc p on p.oid = t.tgfoid
    where p.pronamespace = 'lapse'::regnamespace and p.proname in ('tg_watch', 'tg_attach', 'tg_follow')
      and not t.tgisinternal
    order by t.tgrelid, t.tgname
  loop
    v_kinds := v_kinds || v_trigger.proname::text;
    if v_trigger.tgenabled not in ('O', 'A') then
      v_bad := v_bad || format('%I of %s is disabled', v_trigger.tgname, v_trigger.tgrelid::regclass);
    elsif not v_trigger.prosecdef or not has_table_privilege(v_trigger.proowner, 'lapse.inbox', 'INSERT') then
      v_bad := v_bad || format('%I of %s may not append to lapse.inbox', v_trigger.tgname, v_trigger.tgrelid::regclass);
    elsif lapse.trigger_problem(
      p_relation => v_trigger.tgrelid, p_function => v_trigger.proname::text, p_arguments => v_trigger.arguments
    ) is not null then
      v_bad := v_bad || format('%I names columns that %s does not have: %s', v_trigger.tgname,
        v_trigger.tgrelid::regclass,
        lapse.trigger_problem(p_relation => v_trigger.tgrelid, p_function => v_trigger.proname::text,
          p_arguments => v_trigger.arguments));
    end if;
  end loop;

  -- Run the same function on a temporary table as each role of the API. An RPC cannot change its role; there the rights
  -- checked above must suffice.
  create temporary table lapse_self_test (id text, amount text) on commit drop;
  grant insert on lapse_self_test to anon, authenticated, service_role;
  create trigger lapse_self_test after insert on lapse_self_test for each row
    execute function lapse.tg_watch('id', 'amount', 'eur', '1 hour');
  foreach v_role in array array['anon', 'authenticated', 'service_role'] loop
    begin
      perform set_config('role', v_role, true);
    exception when insufficient_privilege then
      null;
    end;
    begin
      execute format('insert into %I.%I values ($1, ''1000'')', 'pg_temp', 'lapse_self_test')
      using 'lapse-self-test-' || v_role;
    exception when others then
      v_bad := v_bad || format('a trigger makes a write of %s fail: %s', v_role, sqlerrm);
    end;
    begin
      perform set_config('role', 'none', true);
    exception when insufficient_privilege then
      null;
    end;
    select i.payload, i.role into v_note from lapse.inbox i where i.ref = 'lapse-self-test-' || v_role;
    if not found or v_note.payload ? 'problem' then
      v_bad := v_bad || format('a write of %s is not recorded: %s', v_role,
        coalesce(v_note.payload ->> 'problem', 'the inbox is empty'));
    end if;
  end loop;

  -- A trigger of the shop's own that calls Lapse needs its owner's rights: customers have none.
  select v_bad || coalesce(array_agg(format(
    '%I of %s calls Lapse with the rights of the role that changes the row; make %s security definer',
    t.tgname, t.tgrelid::regclass, p.oid::regprocedure)), '{}')
  into v_bad
  from pg_trigger t
  join pg_proc p on p.oid = t.tgfoid
  where not t.tgisinternal and p.pronamespace <> 'lapse'::regnamespace and not p.prosecdef
    and p.prosrc ~ '\m(lapse\.|public\.lapse_)(watch_order|attach_payment|mark_paid|follow_order)';

  if v_bad <> '{}' then
    return query select 'triggers', false, array_to_string(v_bad, '; ');
  elsif 'tg_watch' <> all (v_kinds) or 'tg_follow' <> all (v_kinds) then
    return query select 'triggers', null::boolean, format(
      'no trigger uses %s: the shop''s code has to call lapse_watch_order for each order and lapse_follow_order for each that it closes',
      array_to_string(array(select k from unnest('{tg_watch,tg_follow}'::text[]) k where k <> all (v_kinds)), ' or ')
    );
  else
    return query select 'triggers', true, format('%s triggers record what the shop does, whichever role does it',
      cardinality(v_kinds));
  end if;
end;
$$;

-- Synchronous HTTP calls, which cannot be rolled back and keep an order's rows locked while they wait.
create function lapse.test_http(p_sample text[]) returns setof lapse.finding
language sql
set search_path = pg_catalog, pg_temp
as $$
  select 'http', case when count(*) = 0 then true end, case
    when count(*) = 0 then 'no trigger waits for a server'
    else string_agg(c, '; ' order by c) || ': over HTTP, while orders are locked. Queue it with pg_net instead'
  end
  from lapse.http_callers() c;
$$;

-- Contract: runs one part of the self-test and always rolls it back. An error that the part raises is its finding.
create function lapse.test_part(p_part text, p_sample text[]) returns setof lapse.finding
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_lock_timeout text := current_setting('lock_timeout');
  v_findings lapse.finding[];
begin
  begin
    perform set_config('lock_timeout', '500ms', true);
    execute format('select array(select f from lapse.%I($1) f)', 'test_' || p_part) into v_findings using p_sample;
    raise exception using errcode = 'LP003', message = 'The self-test rolls everything back';
  exception
    when sqlstate 'LP003' then
      null;
    when lock_not_available or deadlock_detected then
      v_findings := array[row(p_part, null, 'not tried: the rows are locked; try again')::lapse.finding];
    when others then
      v_findings := array[row(p_part, false, format('it raises %s: %s', sqlstate, sqlerrm))::lapse.finding];
  end;
  perform set_config('lock_timeout', v_lock_timeout, true);
  return query select f.* from unnest(v_findings) f;
end;
$$;

-- test_adapter: tests each part of the shop's adapter. `ok` is true, false, or null for a warning. Everything is
-- rolled back, and it works in a shop without orders. It briefly locks up to 20 open orders and their articles.
create function lapse.test_adapter() returns table (name text, ok boolean, message text)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_problem text;
  v_sample text[];
  v_part text;
begin
  begin
    v_problem := lapse.adapter_problem();
  exception when others then
    v_problem := format('lapse_shop.contract_version raises %s: %s', sqlstate, sqlerrm);
  end;
  return query select 'adapter', v_problem is null, coalesce(v_problem, 'the shop has an adapter of version 1');
  if v_problem is not null then
    return;
  end if;
  v_sample := lapse.test_sample();
  foreach v_part in array array['http', 'indexes', 'unknown_refs', 'open_orders', 'lock_orders', 'finish_orders',
    'triggers'] loop
    return query select f.name, f.ok, f.message from lapse.test_part(p_part => v_part, p_sample => v_sample) f;
  end loop;
end;
$$;

create function public.lapse_test_adapter() returns table (name text, ok boolean, message text)
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select t.name, t.ok, t.message from lapse.test_adapter() t;
$$;

comment on function public.lapse_test_adapter() is
  'Tests the shop''s adapter and rolls everything back. For the operator''s tools (secret key) only.';
