begin;
\ir ../helpers.sql
select plan(3);

select pg_temp.place_order('paid'), pg_temp.place_order('cancelled');
select public.close_order(pg_temp.id('paid'), true), public.close_order(pg_temp.id('cancelled'), false);
truncate lapse.inbox;
select lapse.watch_order(pg_temp.ref('paid'), 1000, 'eur', p_now => pg_temp.noon());
select lapse.watch_order(pg_temp.ref('cancelled'), 1000, 'eur', p_now => pg_temp.noon());
select is((select count(*) from lapse.orders), 0::bigint, 'closed orders need no watch');

select lapse.watch_order(pg_temp.ref('later'), 1000, 'eur', p_now => pg_temp.noon());
select is(pg_temp.told('later', 'status'), 'pending', 'one whose row is not there yet is watched: its checkout may insert it afterwards');
select pg_temp.place_order('later', p_amount => 900);
select lapse.fold_inbox(p_now => pg_temp.noon());
select is(pg_temp.told('later', 'amount'), '900', 'and what its trigger then notes counts');

select * from finish();
rollback;
