begin;
\ir ../helpers.sql
select plan(2);

update lapse.settings set lease = '2 minutes';
select pg_temp.begin_run('run');
select results_eq(
  $$ select heartbeat_at, lease_until from lapse.runs join lapse.jobs on run_id = id $$,
  $$ values (pg_temp.noon(), pg_temp.noon() + interval '2 minutes') $$, 'the beginning is the first one'
);
select pg_temp.claim('run', pg_temp.noon() + interval '1 minute');
select results_eq(
  $$ select heartbeat_at, lease_until from lapse.runs join lapse.jobs on run_id = id $$,
  $$ values (pg_temp.noon() + interval '1 minute', pg_temp.noon() + interval '3 minutes') $$, 'a claim is another'
);

select * from finish();
rollback;
