begin;
\ir ../helpers.sql
select plan(9);

select pg_temp.place_due_order('paid meanwhile', '{pi_1,pi_2}', p_quantity => 2);
select pg_temp.place_due_order('claimed again', '{pi_3}', p_quantity => 3);
select pg_temp.place_due_order('never claimed', '{pi_4}', p_quantity => 5, p_due_for => '-1 hour');
select pg_temp.begin_run('run'), pg_temp.claim('run');
create temp table late as select array[
  pg_temp.decide('paid meanwhile', 'expired', array[pg_temp.said('pi_1', 'kept'), pg_temp.said('pi_2', 'canceled')]),
  pg_temp.decide('claimed again', 'expired', array[pg_temp.said('pi_3', 'canceled')]),
  pg_temp.decide('never claimed', 'expired', array[pg_temp.said('pi_4', 'canceled')])
] as decisions;

select pg_temp.mark_paid('paid meanwhile', 'pi_1');
select pg_temp.claim('run', pg_temp.noon() + interval '10 minutes');
create temp table orders_before as select * from lapse.orders;

select is(
  pg_temp.settled('run', decisions), '{"outcomes": {}, "superseded": 3}', 'another writer has decided about them'
)
from late;
select results_eq('select * from lapse.orders order by ref', 'select * from orders_before order by ref', 'no order is changed');
select results_eq('select on_hand, reserved from public.inventory', 'values (998, 8)', 'no stock is moved');
select is_empty($$ select from lapse.decisions where subject = 'order' $$, 'no order was decided');

-- What Stripe said of a payment is true whatever became of its order.
select results_eq(
  'select stripe_id collate "default", state from lapse.payments order by stripe_id',
  $$ values ('pi_1', 'paid'), ('pi_2', 'dead'), ('pi_3', 'dead'), ('pi_4', 'dead') $$, 'the payments that ended are recorded'
);
select is((select payment_intents_canceled from lapse.runs), 3::bigint, 'and counted');

create temp table before as select pg_temp.everything() as hash;
select is(pg_temp.settled('run', decisions), '{"outcomes": {}, "superseded": 3}', 'the same settlement once more') from late;
select is(pg_temp.everything(), (select hash from before), 'counts nothing twice');

select is(
  pg_temp.settled('run', array[pg_temp.decide('claimed again', 'expired')]), '{"outcomes": {"expired": 1}, "superseded": 0}',
  'the claim that holds can be settled'
);

select * from finish();
rollback;
