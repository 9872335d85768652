begin;
\ir ../helpers.sql
select plan(5);

-- A run compares the money with the amount that the order had when it was claimed.
select pg_temp.place_due_order('raised', '{pi_1}'), pg_temp.place_due_order('lowered', '{pi_2}'), pg_temp.place_due_order('sold', '{pi_3}');
select pg_temp.begin_run('run'), pg_temp.claim('run');
update lapse.orders set amount = 1500 where ref in (pg_temp.ref('raised'), pg_temp.ref('sold'));
update lapse.orders set amount = 500 where ref = pg_temp.ref('lowered');
alter table public.orders disable trigger lapse_follows;
select public.close_orders('{}', array[pg_temp.id('sold')]);

select is(
  pg_temp.settled('run', array[
    pg_temp.decide('raised', 'paid', array[pg_temp.said('pi_1', 'found_paid')]) || '{"amount": 1000}',
    pg_temp.decide('lowered', 'paid', array[pg_temp.said('pi_2', 'found_paid')]) || '{"amount": 1000}',
    pg_temp.decide('sold', 'paid', array[pg_temp.said('pi_3', 'found_paid')]) || '{"amount": 1000}'
  ]) -> 'outcomes',
  '{"paid": 2, "handed_back": 1}', 'an order whose amount rose meanwhile is handed back'
);
select is(pg_temp.told('raised', 'status'), 'pending', 'it is not paid');
select is((select state from lapse.payments where stripe_id = 'pi_1'), 'paid', 'its money is recorded');
select is(pg_temp.told('lowered', 'status'), 'paid', 'money that covers the new amount pays the order');
select is(pg_temp.told('sold', 'status'), 'paid', 'so does any, if the shop says that it is paid');

select * from finish();
rollback;
