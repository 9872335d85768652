begin;
\ir ../helpers.sql
select plan(2);

update lapse.settings set max_attempts = 2;
select pg_temp.place_due_order('a', '{pi_1}');
select pg_temp.begin_run('run'), pg_temp.claim('run');
update lapse.orders set failures = 1;
select pg_temp.settle('run', array[pg_temp.decide('a', 'retry')]);
select is((select status from lapse.orders), 'quarantined', 'its last attempt failed');

select lapse.redrive_order(pg_temp.ref('a'), 'looked at it', 'somebody', pg_temp.noon());
select results_eq(
  'select status, failures, next_check_at, due_since from lapse.orders',
  $$ values ('pending', 0, pg_temp.noon() - interval '5 minutes', pg_temp.noon()) $$,
  'it is due at once, for a run whose lists are read to a minute ago, too, and may fail as often as a new one'
);

select * from finish();
rollback;
