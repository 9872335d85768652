begin;
\ir ../helpers.sql
select plan(5);

select pg_temp.place_due_order('paid', '{pi_1,pi_2}'), pg_temp.place_due_order('cash', '{pi_3}');
select pg_temp.begin_run('run'), pg_temp.claim('run');
alter table public.orders disable trigger lapse_follows;
select public.close_orders('{}', array[pg_temp.id('cash')]);
select is(
  pg_temp.settled('run', array[
    pg_temp.decide('paid', 'paid', array[pg_temp.said('pi_1', 'found_paid'), pg_temp.said('pi_2', 'kept')]),
    pg_temp.decide('cash', 'expired', array[pg_temp.said('pi_3', 'kept')])
  ]),
  '{"outcomes": {"paid": 2}, "superseded": 0}', 'both are paid, and each has a payment that could be paid once more'
);
select results_eq(
  'select distinct status, next_check_at, due_since from lapse.orders', $$ values ('paid', pg_temp.noon(), pg_temp.noon()) $$, 'they are due at once'
);
select is(pg_temp.claim('run'), 2, 'and claimed again');
select is(
  pg_temp.settled('run', array[
    pg_temp.decide('paid', 'checked', array[pg_temp.said('pi_2', 'canceled')]), pg_temp.decide('cash', 'checked', array[pg_temp.said('pi_3', 'canceled')])
  ]),
  '{"outcomes": {"checked": 2}, "superseded": 0}', 'so that the payments are cancelled'
);
select is((select count(*) from lapse.orders where next_check_at is not null), 0::bigint, 'after which there is nothing left to look at');

select * from finish();
rollback;
