begin;
\ir ../helpers.sql
select plan(8);

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

-- What was found out about its payments is written down, and no article is waited for.
select pg_temp.settle('run', array[pg_temp.decide('a', 'handed_back', array[pg_temp.said('pi_1', 'canceled')])]);
select row_eq(
  'select o.status, o.failures, p.state from public.orders o join public.order_payments p on p.order_id = o.id',
  row('pending'::text, 2, 'dead'::text), 'its payment is recorded dead'
);
select results_eq(
  'select subject, outcome from public.job_decisions', $$ values ('payment_intent', 'canceled') $$, 'as a decision about the payment alone'
);
select row_eq('select on_hand, reserved from public.inventory', row(1000, 1), 'and its stock is held');

select * from finish();
rollback;
