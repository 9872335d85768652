begin;
\ir ../helpers.sql
select plan(2);

select pg_temp.begin_run('dead');
update lapse.settings set brake_threshold = 1;
select pg_temp.place_due_order('a'), pg_temp.place_due_order('b');
select is(
  lapse.begin_run(pg_temp.id('next'), 'expire-stale-orders', 'server', p_now => pg_temp.noon() + interval '1 hour') ->> 'answer',
  'braked', 'the run that takes over meets the brake'
);
select is(
  (select run_id from lapse.jobs where job = 'expire-stale-orders'), null, 'and the dead run it took over from holds the lease no more'
);

select * from finish();
rollback;
