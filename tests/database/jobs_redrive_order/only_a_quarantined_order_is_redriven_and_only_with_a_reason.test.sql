begin;
\ir ../helpers.sql
select plan(10);

update jobs.settings set max_attempts = 1;
select pg_temp.place_due_order('quarantined', '{pi_1}');
select pg_temp.place_due_order('pending', '{pi_2}', p_due_for => '-1 hour');
select pg_temp.begin_run('run'), pg_temp.claim('run');
select pg_temp.settle('run', array[pg_temp.decide('quarantined', 'retry', array[pg_temp.said('pi_1', 'kept')])]);
create function pg_temp.redrive(p_name text, p_reason text) returns jsonb
language sql
as $$ select public.jobs_redrive_order(pg_temp.id(p_name), p_reason, 'ops', pg_temp.noon()) $$;

select throws_ok(
  format('select pg_temp.redrive(%L, %L)', 'quarantined', reason), '22023',
  'Cannot redrive order without a reason: current value is empty', 'not without a reason'
)
from (values (null), ('')) as it (reason);
select throws_ok(
  $$ select pg_temp.redrive('pending', 'why not') $$, 'PT409',
  format('Cannot redrive order %s as it is not quarantined: current value is pending', pg_temp.id('pending')), 'not a pending order'
);
select throws_ok($$ select pg_temp.redrive('unknown', 'why not') $$, 'PT404', null, 'not an unknown one');
select is((select status from public.orders where id = pg_temp.id('quarantined')), 'quarantined', 'so far nothing has happened');

select is(
  pg_temp.redrive('quarantined', 'key replaced') ->> 'id', pg_temp.id('quarantined')::text, 'a quarantined order with a reason is'
);
select row_eq(
  $$ select status, status_reason, failures, next_check_at from public.orders where id = pg_temp.id('quarantined') $$,
  row('pending'::text, 'redriven by ops: key replaced'::text, 0, pg_temp.noon()), 'it is due at once, with a fresh count, and says who and why'
);
select is(pg_temp.claim('run'), 1, 'the job takes it');
select is((select attempt from public.orders where id = pg_temp.id('quarantined')), 2, 'attempts go on: idempotency keys stay unique');
select throws_ok($$ select pg_temp.redrive('quarantined', 'again') $$, 'PT409', null, 'once redriven, not again');

select * from finish();
rollback;
