begin;
\ir ../helpers.sql
select plan(2);

select pg_temp.place_due_order('a', '{pi_1}');
select pg_temp.begin_run('run'), pg_temp.claim('run');
select pg_temp.settle('run', array[pg_temp.decide('a', 'waiting', array[
  pg_temp.said('pi_1', 'kept') || jsonb_build_object('graceUntil', pg_temp.noon() + interval '5 minutes')
], p_next_check_at => pg_temp.noon() + interval '5 minutes')]);
select is(
  (select grace_until from public.order_payments), pg_temp.noon() + interval '5 minutes', 'the customer in 3-D Secure has five minutes'
);

-- The next look grants none, and must not forget that one was granted: a script could hold stock for ever.
select pg_temp.begin_run('next', pg_temp.noon() + interval '10 minutes'), pg_temp.claim('next', pg_temp.noon() + interval '10 minutes');
select pg_temp.settle(
  'next', array[pg_temp.decide('a', 'retry', array[pg_temp.said('pi_1', 'kept')])], pg_temp.noon() + interval '10 minutes'
);
select is((select grace_until from public.order_payments), pg_temp.noon() + interval '5 minutes', 'and no second time');

select * from finish();
rollback;
