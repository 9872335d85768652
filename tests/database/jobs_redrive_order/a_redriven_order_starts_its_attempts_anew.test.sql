begin;
\ir ../helpers.sql
select plan(2);

update jobs.settings set max_attempts = 2;
select pg_temp.place_due_order('a', '{pi_1}');
select pg_temp.begin_run('run'), pg_temp.claim('run');
update public.orders set failures = 1;
select pg_temp.settle('run', array[pg_temp.decide('a', 'retry')]);
select is((select status from public.orders), 'quarantined', 'its last attempt failed');

select public.jobs_redrive_order(pg_temp.id('a'), 'looked at it', 'somebody', pg_temp.noon());
select results_eq(
  'select status, failures, next_check_at from public.orders', $$ values ('pending', 0, pg_temp.noon()) $$,
  'it is due at once and may fail as often as a new one'
);

select * from finish();
rollback;
