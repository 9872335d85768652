begin;
\ir ../helpers.sql
select plan(3);

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
select pg_temp.mark_paid('first', 'pi_1');
select row_eq('select on_hand, updated_at from public.inventory', row(1199, now()), 'so does a sale');

select * from finish();
rollback;
