begin;
\ir ../helpers.sql
select plan(5);

update lapse.settings set max_attempts = 1;
select pg_temp.place_due_order('hopeless ' || n, array['pi_' || n]) from generate_series(1, 103) n;
select pg_temp.begin_run('dead'), pg_temp.claim('dead');
-- After four deaths orders are claimed one at a time.
insert into lapse.runs (job, trigger, status, created_at, started_at, finished_at)
select 'expire-stale-orders', 'schedule', 'lost', at, at, at + interval '3 minutes'
from generate_series(pg_temp.noon() + interval '5 minutes', pg_temp.noon() + interval '15 minutes', interval '5 minutes') at;

select pg_temp.begin_run('next', pg_temp.noon() + interval '20 minutes'), pg_temp.cursors_at(pg_temp.noon() + interval '20 minutes');
prepare orders_by_status as select status, count(*)::int from lapse.orders group by status order by status;

select is(pg_temp.claim('next', pg_temp.noon() + interval '20 minutes'), 1, 'after a hundred claims of hopeless orders the last one is handed out');
select results_eq(
  'orders_by_status', $$ values ('expiring', 4), ('quarantined', 99) $$, 'the others are quarantined, and some are left for the next call'
);
select results_eq(
  $$ select count(*)::int from lapse.orders where run_id = pg_temp.id('next') $$, 'values (1)', 'the run holds what it was handed out'
);
select is(
  pg_temp.claim('next', pg_temp.noon() + interval '20 minutes'), 0, 'the next call finds nothing but hopeless ones, and an end'
);
select results_eq('orders_by_status', $$ values ('expiring', 1), ('quarantined', 102) $$, 'which are quarantined, too');

select * from finish();
rollback;
