begin;
\ir ../helpers.sql
select plan(31);

-- What the self-test complains of: its findings that are not true, a warning with a question mark.
create function pg_temp.findings() returns text
language sql
as $$
  select coalesce(string_agg(t.name || case when t.ok is null then '?' else '' end, ' ' order by t.name), 'none')
  from lapse.test_adapter() t where t.ok is not true
$$;

-- The same after a change of the shop or its adapter, which is taken back.
create function pg_temp.after(p_change text, p_what text default 'findings') returns text
language plpgsql
as $$
declare
  v_found text;
begin
  begin
    execute p_change;
    if p_what = 'findings' then
      v_found := pg_temp.findings();
    else
      v_found := (select t.message from lapse.test_adapter() t where t.name = p_what);
    end if;
    raise exception using errcode = 'PT000';
  exception when sqlstate 'PT000' then
    null;
  end;
  return v_found;
end;
$$;

-- The adapter's own function, kept as real_…, and one in its place.
create function pg_temp.lock_is(p_body text, p_what text default 'findings') returns text
language sql
as $$
  select pg_temp.after(format(
    'alter function lapse_shop.lock_orders(text[], boolean) rename to real_lock;
     create function lapse_shop.lock_orders(p_refs text[], p_wait boolean)
     returns table (ref text, state text, units bigint, stripe_ids text[]) language plpgsql as %L',
    'begin return query ' || p_body || '; end'
  ), p_what)
$$;
create function pg_temp.finish_is(p_body text, p_what text default 'findings') returns text
language sql
as $$
  select pg_temp.after(format(
    'alter function lapse_shop.finish_orders(text[], text[]) rename to real_finish;
     create function lapse_shop.finish_orders(p_expired text[], p_paid text[]) returns void language plpgsql as %L',
    'begin ' || p_body || '; end'
  ), p_what)
$$;
create function pg_temp.open_is(p_query text, p_what text default 'findings') returns text
language sql
as $$
  select pg_temp.after(format(
    'alter function lapse_shop.open_orders(text[]) rename to real_open;
     create function lapse_shop.open_orders(p_refs text[] default null)
     returns table (ref text, placed_at timestamptz, deadline timestamptz, amount bigint, currency text, account text, stripe_ids text[])
     language sql as %L', p_query
  ), p_what)
$$;

select is(pg_temp.findings(), 'none', 'a sound adapter passes in a shop without orders');
select pg_temp.place_order('a', p_quantity => 2), pg_temp.place_order('b', p_quantity => 3), pg_temp.place_order('c');
create temporary table before as
select (select jsonb_agg(o order by o.id) from public.orders o) as orders, (select jsonb_agg(i) from public.inventory i) as stock,
  (select count(*) from lapse.inbox) as noted;
select is(pg_temp.findings(), 'none', 'and in one with open orders');
select is(
  (select t.message from lapse.test_adapter() t where t.name = 'finish_orders') like 'closed 3 open orders as expired and as paid, each once%',
  true, 'which it closes both ways'
);
select row_eq(
  $$ select (select jsonb_agg(o order by o.id) from public.orders o), (select jsonb_agg(i) from public.inventory i), (select count(*) from lapse.inbox) $$,
  (select row(b.orders, b.stock, b.noted) from before b), 'and nothing of it stays'
);
select is(
  coalesce(current_setting('lapse.settling', true), '') || current_setting('lock_timeout') || current_setting('enable_seqscan')
    || current_user, '0on' || session_user, 'no setting either'
);

select is(pg_temp.lock_is('select r.* from lapse_shop.real_lock(p_refs, p_wait) r where r.state <> ''gone'''), 'unknown_refs', 'unknown refs are left out');
select is(pg_temp.lock_is('select r.* from lapse_shop.real_lock(p_refs, p_wait) r, unnest(p_refs::uuid[]) x where r.ref = x::text'), 'unknown_refs', 'what is no key raises');
select is(
  pg_temp.lock_is('select r.* from lapse_shop.real_lock(p_refs, p_wait) r union all select r.* from lapse_shop.real_lock(p_refs, p_wait) r where r.state = ''open'''),
  'lock_orders', 'an order has two rows'
);
select is(pg_temp.lock_is('select r.ref, r.state, null::bigint, r.stripe_ids from lapse_shop.real_lock(p_refs, p_wait) r'), 'lock_orders', 'units are unknown');
select is(
  pg_temp.lock_is('select r.ref, case r.state when ''open'' then ''paid'' else r.state end, r.units, r.stripe_ids from lapse_shop.real_lock(p_refs, p_wait) r'),
  'lock_orders', 'open orders are called paid'
);
select is(
  pg_temp.lock_is('select r.ref, r.state, r.units, ''{pi_1}''::text[] from lapse_shop.real_lock(p_refs, p_wait) r'),
  'lock_orders?', 'it names other payments than open_orders'
);
select is(pg_temp.lock_is('select r.* from lapse_shop.real_lock(p_refs, p_wait) r; perform 1 / 0'), 'finish_orders indexes lock_orders open_orders unknown_refs', 'it raises');

select is(pg_temp.finish_is('null'), 'finish_orders', 'finish_orders does nothing');
select is(pg_temp.finish_is('perform lapse_shop.real_finish(p_expired[1:1], p_paid[1:1])'), 'finish_orders', 'it closes one order of many');
select is(
  pg_temp.finish_is('perform lapse_shop.real_finish(p_expired, p_paid); update public.orders set expires_at = now() where id = any (p_expired::uuid[])', 'finish_orders'),
  'a second finish_orders(p_expired) of the same orders changes 3 rows: it must close open orders only', 'it forgets the compare-and-set'
);
select is(
  pg_temp.finish_is('perform lapse_shop.real_finish(p_expired, p_paid); update public.inventory set on_hand = on_hand + 1 where exists (select from public.orders o where o.id = any (p_expired::uuid[]) and o.status = ''paid'')', 'finish_orders'),
  'finish_orders changes orders that are closed already: after finish_orders(p_paid) it must close open orders only', 'it expires what is paid'
);
select is(pg_temp.finish_is('perform lapse_shop.real_finish(p_paid, p_expired)'), 'finish_orders', 'it takes one list for the other');
select is(
  pg_temp.finish_is('update public.orders set status = ''expired'', expired_at = now() where id = any (p_expired::uuid[]) and status = ''pending'';
    perform lapse_shop.real_finish(''{}'', p_paid)', 'finish_orders'),
  'lock_orders reports 6 units, and finish_orders(p_expired) releases none: it changed only 3 rows for 3 orders', 'it releases no stock'
);
select is(pg_temp.finish_is('raise exception ''no'''), 'finish_orders', 'it raises');

select is(pg_temp.open_is('select * from lapse_shop.real_open()'), 'unknown_refs', 'open_orders answers all when it is asked about some');
select is(pg_temp.open_is('select * from lapse_shop.real_open(p_refs) union all select * from lapse_shop.real_open(p_refs)'), 'lock_orders open_orders', 'an order twice');
select is(pg_temp.open_is('select * from lapse_shop.real_open(p_refs) where p_refs is null'), 'lock_orders? open_orders', 'none when it is asked about some');
select is(
  pg_temp.open_is('select o.ref, o.placed_at, o.deadline, o.amount, ''dollars'', o.account, ''{ch_1}''::text[] from lapse_shop.real_open(p_refs) o'),
  'lock_orders? open_order_values? payment_ids?', 'values that cannot be used'
);

select is(pg_temp.after('drop index public.orders_open_idx'), 'indexes?', 'an index on open orders is missing');
select is(
  pg_temp.after('drop index public.orders_open_idx', 'indexes'),
  'open_orders() reads all of public.orders (0 rows). Create an index for it, concurrently where the table is large', 'by name'
);
select is(pg_temp.after('alter table public.orders disable trigger lapse_watches'), 'triggers', 'a trigger is disabled');
select is(pg_temp.after('drop trigger lapse_follows on public.orders'), 'triggers?', 'a trigger is missing: the shop''s code may call Lapse itself');
select is(
  pg_temp.after('create trigger odd after insert on public.orders for each row execute function lapse.tg_watch(''id'', ''totl'', ''currency'', ''expires_at'')', 'triggers'),
  'odd names columns that public.orders does not have: totl', 'a trigger names a column that is not there'
);
select is(
  pg_temp.after($$
    create function public.http_post(text) returns void language sql as 'select';
    create function public.tell() returns trigger language plpgsql as 'begin perform public.http_post(new.id::text); return null; end';
    create trigger tells after update on public.orders for each row execute function public.tell()
  $$),
  'finish_orders? http?', 'a trigger waits for a server: orders are not closed for a test'
);
select is(
  pg_temp.after($$
    create function public.tell() returns trigger language plpgsql as 'begin perform net.http_post(new.id::text); return null; end';
    create trigger tells after update of paid_at on public.orders for each row when (new.id is null) execute function public.tell()
  $$), 'none', 'one that queues a request with pg_net is none'
);
select is(pg_temp.after('drop function lapse_shop.finish_orders(text[], text[])'), 'adapter', 'a part is missing');

select * from finish();
rollback;
