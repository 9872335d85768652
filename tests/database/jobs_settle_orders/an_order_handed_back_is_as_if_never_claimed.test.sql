begin;
\ir ../helpers.sql
select plan(5);

select pg_temp.place_due_order('a', '{pi_1}');
update public.orders set failures = 2, status_reason = 'timeout';
select pg_temp.begin_run('run'), pg_temp.claim('run');

select is(
  pg_temp.settle('run', array[pg_temp.decide('a', 'handed_back', p_reason => 'untouched')]),
  '{"outcomes": {"handed_back": 1}, "superseded": 0}', 'the answer counts it'
);
select row_eq(
  'select status, status_reason, failures, next_check_at, claimed_by from public.orders',
  row('pending'::text, 'timeout'::text, 2, pg_temp.noon(), null::uuid), 'it is pending, due at once, and nothing is held against it'
);
select is_empty('select from public.job_decisions', 'nothing was decided');
select is(pg_temp.claim('run'), 1, 'the next claim gets it');
select is((select attempt from public.orders), 2, 'as an attempt of its own');

select * from finish();
rollback;
