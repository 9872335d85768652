begin;
\ir ../helpers.sql
select plan(4);

select pg_temp.place_due_order('first');
prepare moved as select updated_at from public.inventory where sku = 'tea';
create function pg_temp.long_ago() returns void
language sql
as $$ update public.inventory set updated_at = '2020-01-01 00:00:00+00' $$;

select pg_temp.long_ago();
set local role service_role;
update public.inventory set on_hand = on_hand where sku = 'tea';
select results_eq('moved', $$ values (timestamptz '2020-01-01 00:00:00+00') $$, 'stock that was counted and found right did not change');
update public.inventory set on_hand = 1200 where sku = 'tea';
select results_eq('moved', 'select now()', 'the shop sets on_hand, and the time moves');
reset role;

select pg_temp.long_ago();
select public.mark_order_paid(pg_temp.id('first'), 'pi_1', p_now => pg_temp.noon());
select results_eq('moved', 'select pg_temp.noon()', 'a sale brings a time of its own');
select is((select on_hand from public.inventory where sku = 'tea'), 1199, 'and its units are gone');

select * from finish();
rollback;
