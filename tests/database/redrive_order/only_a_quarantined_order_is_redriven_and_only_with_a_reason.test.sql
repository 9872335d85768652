begin;
\ir ../helpers.sql
select plan(11);

update lapse.settings set max_attempts = 1;
select pg_temp.place_due_order('quarantined', '{pi_1}');
select pg_temp.place_due_order('pending', '{pi_2}', p_due_for => '-1 hour');
select pg_temp.begin_run('run'), pg_temp.claim('run');
select pg_temp.settle('run', array[pg_temp.decide('quarantined', 'retry', array[pg_temp.said('pi_1', 'kept')])]);
create function pg_temp.redrive(p_name text, p_reason text default 'why not', p_by text default 'ops') returns jsonb
language sql
as $$ select lapse.redrive_order(pg_temp.ref(p_name), p_reason, p_by, pg_temp.noon()) $$;

select throws_ok(
  format('select pg_temp.redrive(%L, %L, %L)', 'quarantined', reason, by), '22023',
  'Cannot redrive order: a reason and the name of the operator are required', 'not without a reason and a name'
)
from (values (null, 'ops'), (' ', 'ops'), ('why', '')) as it (reason, by);
select throws_ok(
  $$ select pg_temp.redrive('pending') $$, 'PT409', format('Cannot redrive order %s: it is pending, not quarantined', pg_temp.ref('pending')),
  'not a pending order'
);
select throws_ok($$ select pg_temp.redrive('nowhere') $$, 'PT404', null, 'not an unknown one');
select is(pg_temp.told('quarantined', 'status'), 'quarantined', 'so far nothing has happened');

select is(
  pg_temp.redrive('quarantined', 'key replaced'),
  jsonb_build_object('ref', pg_temp.ref('quarantined'), 'status', 'pending', 'nextCheckAt', pg_temp.noon() - interval '5 minutes'),
  'a quarantined order with a reason is'
);
select row_eq(
  $$ select status, reason, failures from lapse.orders where ref = pg_temp.ref('quarantined') $$,
  row('pending'::text, 'redriven by ops: key replaced'::text, 0), 'with a fresh count, and says who and why'
);
select is(pg_temp.claim('run'), 1, 'the job takes it');
select is(pg_temp.told('quarantined', 'attempt'), '2', 'attempts go on: idempotency keys stay unique');
select throws_ok($$ select pg_temp.redrive('quarantined', 'again') $$, 'PT409', null, 'once redriven, not again');

select * from finish();
rollback;
