begin;
\ir ../helpers.sql
select plan(18);

-- An adapter that answers whatever the test says.
create table pg_temp.says (ref text, state text, units bigint, stripe_ids text[]);
do $$
begin
  execute format(
    'create or replace function lapse_shop.lock_orders(p_refs text[], p_wait boolean)
     returns table (ref text, state text, units bigint, stripe_ids text[]) language sql as %L',
    format('select * from %I.says', (select nspname from pg_namespace where oid = pg_my_temp_schema()))
  );
end
$$;
create function pg_temp.lock(variadic p_refs text[]) returns text
language plpgsql
as $$
begin
  return (
    select string_agg(concat_ws(' ', s.ref, s.state, s.units, s.stripe_ids), ', ' order by s.ref)
    from lapse.lock_shop_orders(p_refs, false) s
  );
exception when others then
  return sqlstate || ': ' || sqlerrm;
end;
$$;

insert into says values ('a', 'open', 3, '{pi_1,cs_2}'), ('b', 'open', -5, null), ('c', 'paid', null, '{}');
select is(pg_temp.lock('a', 'b', 'c'), 'a open 3 {cs_2,pi_1}, b open 0 {}, c paid 0 {}', 'negative and missing units are none');
select is(pg_temp.lock('a'), 'a open 3 {cs_2,pi_1}', 'orders that nobody asked for are dropped');
select is(pg_temp.lock(variadic '{}'), null, 'without orders nobody is asked');
insert into says values ('a', 'open', 4, '{pi_1,pi_3,null,"",ch_1,pi_4_secret_5}');
select is(pg_temp.lock('a', 'c'), 'a open 4 {cs_2,pi_1,pi_3,pi_4}, c paid 0 {}', 'two rows that agree are one, with every payment in Stripe''s form');
insert into says values ('a', 'closed', 0, '{}');
select is(pg_temp.lock('a', 'c'), 'c paid 0 {}', 'an order about which it contradicts itself counts as held by somebody');
insert into says values ('d', null, 0, '{}');
select is(pg_temp.lock('c', 'd'), 'c paid 0 {}', 'so does one that it says nothing of');
insert into says values ('e', 'pending', 0, '{}');
select is(
  pg_temp.lock('e'), 'LP010: Cannot use the answer of lapse_shop.lock_orders: pending is not a state of order e', 'a state that is none is told'
);
select is(pg_temp.lock('c'), 'c paid 0 {}', 'unless nobody asked for that order');

create function pg_temp.timeout_inside() returns text
language plpgsql
as $$
declare
  v_inside text;
begin
  create or replace function lapse_shop.lock_orders(p_refs text[], p_wait boolean)
  returns table (ref text, state text, units bigint, stripe_ids text[]) language sql
  as 'select p_refs[1], $b$open$b$, 0::bigint, array[$b$pi_$b$ || current_setting($b$lock_timeout$b$)]';
  return (select string_agg(s.stripe_ids[1], ' ' order by w) from unnest(array[false, true]) w cross join lapse.lock_shop_orders('{a}', w) s);
end;
$$;
select set_config('lock_timeout', '7s', true);
select is(pg_temp.timeout_inside(), 'pi_200ms pi_7s', 'a run gives way after 200 ms; a call of the shop''s keeps the shop''s limit');
select is(current_setting('lock_timeout'), '7s', 'which counts again afterwards');

create or replace function lapse_shop.open_orders(p_refs text[] default null)
returns table (ref text, placed_at timestamptz, deadline timestamptz, amount bigint, currency text, account text, stripe_ids text[])
language sql stable
as $$
  select r, now(), now(), 1, 'eur', null, s
  from (values ('a', '{pi_1_secret_2,no}'::text[]), ('b', null), ('b', null), ('', '{}'), (null, '{}'), (repeat('x', 501), '{}')) as x (r, s)
$$;
select is((select string_agg(ref, ' ' order by ref) from lapse.open_shop_orders()), 'a b', 'open orders are named once, with a key that can be used');
select is((select array_agg(id) from lapse.open_shop_orders(), unnest(stripe_ids) id), '{pi_1}', 'and with the payments that are Stripe''s');
select is((select string_agg(ref, ' ') from lapse.open_shop_orders('{b,c}')), 'b', 'those that nobody asked for are dropped');

create function pg_temp.problem(p_change text) returns text
language plpgsql
as $$
begin
  execute p_change;
  return lapse.adapter_problem();
end;
$$;
select is(lapse.adapter_problem(), null, 'an adapter with all its functions is one');
select is(
  pg_temp.problem('create or replace function lapse_shop.contract_version() returns integer language sql as $f$ select 2 $f$'),
  'The shop''s adapter is for version 2 of the contract, and this is version 1.', 'one for another version of the contract is not'
);
select is(
  pg_temp.problem($c$create or replace function lapse_shop.contract_version() returns integer language plpgsql
    as $f$ begin raise exception 'not yet'; end $f$ $c$),
  'The shop''s adapter cannot tell its version: not yet', 'nor is one that fails to tell its version'
);
select is(
  pg_temp.problem('drop function lapse_shop.open_orders(text[])'),
  'The shop has no adapter, or an incomplete one: lapse_shop.open_orders(text[]) is missing. Write it with `lapse adapter`.',
  'nor is one that lacks a function'
);
select is_empty('select * from lapse.open_shop_orders()', 'without an adapter no order is open');

select * from finish();
rollback;
