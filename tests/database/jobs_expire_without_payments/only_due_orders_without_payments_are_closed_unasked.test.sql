begin;
\ir ../helpers.sql
select plan(10);

select pg_temp.place_due_order('old', p_due_for => '2 days', p_quantity => 2);
select pg_temp.place_due_order('older', p_due_for => '3 days', p_quantity => 3);
select pg_temp.place_due_order('fresh', p_due_for => '-1 second', p_quantity => 5);
select pg_temp.place_due_order('with payment', '{pi_1}', p_due_for => '4 days', p_quantity => 7);
select pg_temp.place_due_order('payment dead', '{pi_2}', p_due_for => '4 days', p_quantity => 11);
update public.order_payments set state = 'dead', evidence = '{}', closed_at = now() where stripe_id = 'pi_2';
insert into public.orders (id, currency, amount, expires_at, next_check_at)
values (pg_temp.id('empty'), 'eur', 0, pg_temp.noon(), pg_temp.noon() - interval '1 day');
select pg_temp.begin_run('run');
create function pg_temp.expire(p_limit integer) returns jsonb
language sql
as $$ select public.jobs_expire_without_payments(pg_temp.id('run'), 1, p_limit, pg_temp.noon()) $$;

select is(pg_temp.expire(1), '{"expired": 1, "unitsReleased": 3}', 'oldest first, up to the limit');
select is((select status from public.orders where id = pg_temp.id('older')), 'expired', 'that was the oldest');
select is(pg_temp.expire(10), '{"expired": 2, "unitsReleased": 2}', 'then the others');
select is(pg_temp.expire(10), '{"expired": 0, "unitsReleased": 0}', 'then none');

select results_eq(
  $$ select distinct status, status_reason, expired_at, next_check_at from public.orders
     where id in (pg_temp.id('old'), pg_temp.id('older'), pg_temp.id('empty')) $$,
  $$ values ('expired', 'no_payment', pg_temp.noon(), null::timestamptz) $$, 'they are expired'
);
select results_eq(
  $$ select distinct status from public.orders where id in (pg_temp.id('fresh'), pg_temp.id('with payment'), pg_temp.id('payment dead')) $$,
  $$ values ('pending') $$, 'orders that are not due or have any payment are not'
);
select results_eq('select on_hand, reserved from public.inventory', 'values (1000, 23)', 'exactly their stock is back');
select results_eq(
  'select order_id, units_released, outcome, reason, subject from public.job_decisions order by units_released',
  $$ values (pg_temp.id('empty'), 0::bigint, 'expired', 'no_payment', 'order'), (pg_temp.id('old'), 2, 'expired', 'no_payment', 'order'),
            (pg_temp.id('older'), 3, 'expired', 'no_payment', 'order') $$,
  'one decision each'
);
select row_eq(
  $$ select payments_expired, stock_released from public.job_runs $$, row(3, 5::bigint), 'the run has counted them'
);
select row_eq(
  $$ select payments_expired_total, stock_released_total from public.job_metrics where job = 'expire-stale-orders' $$,
  row(3::bigint, 5::bigint), 'and so has the job'
);

select * from finish();
rollback;
