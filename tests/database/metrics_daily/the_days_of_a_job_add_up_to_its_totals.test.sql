begin;
\ir ../helpers.sql
select plan(6);

-- Noon, and the last second of the same UTC day; then the first second of the next. The session's own time zone must not matter.
set local time zone 'Pacific/Auckland';
select pg_temp.place_due_order('a', '{pi_1,cs_1}', p_quantity => 2);
select pg_temp.place_due_order('b', '{pi_2}', p_quantity => 3);
select pg_temp.place_due_order('c', '{pi_3}');
select pg_temp.place_due_order('d', p_quantity => 13);
select pg_temp.begin_run('run'), pg_temp.claim('run');
select pg_temp.settle('run', array[
  pg_temp.decide('a', 'expired', array[pg_temp.said('pi_1', 'canceled'), pg_temp.said('cs_1', 'canceled')])
]);
select pg_temp.settle('run', array[
  pg_temp.decide('b', 'paid', array[pg_temp.said('pi_2', 'found_paid')]), pg_temp.decide('c', 'waiting', array[pg_temp.said('pi_3', 'kept')])
], pg_temp.noon() + interval '12 hours' - interval '1 second');
select lapse.close_without_payments(pg_temp.id('run'), 1, 10, pg_temp.noon() + interval '12 hours');
select lapse.finish_run(pg_temp.id('run'), 'partial', p_now => pg_temp.noon() + interval '12 hours 1 minute');

select results_eq(
  $$ select day::text, orders_expired, payment_intents_canceled, checkout_sessions_expired, stock_released, orders_paid, orders_waiting,
       payments_kept, runs, runs_failed
     from lapse.metrics_daily order by day $$,
  $$ values ('2026-11-22', 1::bigint, 1::bigint, 1::bigint, 2::bigint, 1::bigint, 1::bigint, 1::bigint, 0::bigint, 0::bigint),
            ('2026-11-23', 1, 0, 0, 13, 0, 0, 0, 1, 0) $$,
  'a decision counts on the UTC day it was settled, a run on the day it ended'
);

select pg_temp.begin_run('fails', pg_temp.noon() + interval '13 hours');
select lapse.finish_run(pg_temp.id('fails'), 'failed', p_error => 'test', p_now => pg_temp.noon() + interval '13 hours 2 minutes');
select results_eq(
  $$ select runs, runs_failed, execution_time from lapse.metrics_daily where day = '2026-11-23' $$,
  format('values (2::bigint, 1::bigint, %s::bigint)', (721 + 2) * 60000),
  'the runs of a day, the failed ones, and how long they took together'
);

select pg_temp.begin_run('idle', pg_temp.noon() + interval '3 days');
select lapse.close_without_payments(pg_temp.id('idle'), 3, 10, pg_temp.noon() + interval '3 days');
select is((select count(*) from lapse.metrics_daily), 2::bigint, 'nothing decided, no row');

select lapse.begin_run(
  p_run_id => pg_temp.id('dry'), p_job => 'expire-stale-orders', p_trigger => 'server', p_dry_run => true,
  p_now => pg_temp.noon() + interval '3 days'
);
select lapse.finish_run(pg_temp.id('dry'), 'succeeded', p_now => pg_temp.noon() + interval '3 days');
select is((select count(*) from lapse.metrics_daily), 2::bigint, 'a dry run has no row either');

select results_eq(
  $$ select job, sum(orders_expired), sum(payment_intents_canceled), sum(checkout_sessions_expired), sum(stock_released), sum(orders_paid),
       sum(orders_waiting), sum(orders_retried), sum(orders_quarantined), sum(late_payments), sum(payments_kept), sum(runs), sum(runs_failed)
     from lapse.metrics_daily group by job $$,
  $$ select job, orders_expired_total::numeric, payment_intents_canceled_total::numeric, checkout_sessions_expired_total::numeric,
       stock_released_total::numeric, orders_paid_total::numeric, orders_waiting_total::numeric, orders_retried_total::numeric,
       orders_quarantined_total::numeric, late_payments_total::numeric, payments_kept_total::numeric, runs_total::numeric, runs_failed_total::numeric
     from lapse.metrics where job = 'expire-stale-orders' $$,
  'the days add up to the totals'
);
select bag_eq(
  $$ select replace(attname::text, '_total', '') from pg_catalog.pg_attribute
     where attrelid = 'lapse.metrics'::regclass and attnum > 0 and not attisdropped and attname like '%\_total' $$,
  $$ select attname::text from pg_catalog.pg_attribute
     where attrelid = 'lapse.metrics_daily'::regclass and attnum > 0 and not attisdropped
       and attname not in ('job', 'day', 'execution_time') $$,
  'a counter of job_metrics is never missing from the days'
);

select * from finish();
rollback;
