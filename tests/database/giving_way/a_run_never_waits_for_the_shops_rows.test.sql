begin;
\ir ../helpers.sql
\ir ../cleanup.sql
select plan(6);

-- The adapter is asked to wait by the shop's own calls alone.
create table pg_temp.asked (n serial, p_wait boolean, lock_timeout text);
alter function lapse_shop.lock_orders(text[], boolean) rename to the_shops_lock_orders;
create function lapse_shop.lock_orders(p_refs text[], p_wait boolean)
returns table (ref text, state text, units bigint, stripe_ids text[])
language plpgsql
as $$
begin
  insert into pg_temp.asked (p_wait, lock_timeout) values (p_wait, current_setting('lock_timeout'));
  return query select * from lapse_shop.the_shops_lock_orders(p_refs => p_refs, p_wait => p_wait);
end;
$$;
create function pg_temp.asked() returns text
language plpgsql
as $$
declare
  v_asked text := (select format('%s, %s', a.p_wait, a.lock_timeout) from pg_temp.asked a order by a.n limit 1);
begin
  delete from pg_temp.asked;
  return v_asked;
end;
$$;

select pg_temp.place_due_order('bare'), pg_temp.place_due_order('with payment', '{pi_1}');
select is(pg_temp.asked(), 't, 0', 'the shop''s own call waits as long as the shop does');
select pg_temp.begin_run('run'), pg_temp.asked();
select pg_temp.close_without_payments('run');
select is(pg_temp.asked(), 'f, 200ms', 'a run that closes orders gives way');
select is(current_setting('lock_timeout'), '200ms', 'to whatever the shop holds, until its transaction ends');
set local lock_timeout = 0;
select pg_temp.claim('run');
select pg_temp.settle('run', array[pg_temp.decide('with payment', 'expired', array[pg_temp.said('pi_1', 'canceled')])]);
select is(pg_temp.asked(), 'f, 200ms', 'so does one that settles');
select is(current_setting('lock_timeout'), '200ms', 'to whatever the shop holds, until its transaction ends');
set local lock_timeout = 0;

select pg_temp.begin_cleanup('cleanup');
select pg_temp.record_listed(
  'cleanup', array[pg_temp.listed('pi_2', 'an order', pg_temp.noon() - interval '1 day')], pg_temp.noon(), pg_temp.noon()
);
select is(pg_temp.asked(), 'f, 200ms', 'and one that reads a list');

select * from finish();
rollback;
