begin;
\ir ../helpers.sql
select plan(2);

select pg_temp.place_due_order('a', '{pi_1}');
select pg_temp.begin_run('run'), pg_temp.claim('run');
select pg_temp.settle('run', array[
  pg_temp.decide('a', 'waiting', array[pg_temp.said('pi_1', 'kept')], p_next_check_at => pg_temp.noon() + interval '5 minutes')
    || jsonb_build_object('graceUntil', pg_temp.noon() + interval '5 minutes')
]);
select is(
  (select grace_until from lapse.orders), pg_temp.noon() + interval '5 minutes', 'the customer in 3-D Secure has five minutes'
);

-- Whatever is attached meanwhile and whatever a run says: a script could hold stock forever.
select lapse.attach_payment(pg_temp.ref('a'), 'pi_2', p_now => pg_temp.noon() + interval '1 minute');
select pg_temp.cursors_at(pg_temp.noon() + interval '10 minutes');
select pg_temp.begin_run('next', pg_temp.noon() + interval '10 minutes'), pg_temp.claim('next', pg_temp.noon() + interval '10 minutes');
select pg_temp.settle('next', array[
  pg_temp.decide('a', 'waiting', array[pg_temp.said('pi_2', 'kept')]) || jsonb_build_object('graceUntil', pg_temp.noon() + interval '15 minutes')
], pg_temp.noon() + interval '10 minutes');
select is((select grace_until from lapse.orders), pg_temp.noon() + interval '5 minutes', 'and no second time');

select * from finish();
rollback;
