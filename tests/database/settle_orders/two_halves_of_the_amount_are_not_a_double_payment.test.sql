begin;
\ir ../helpers.sql
select plan(2);

-- What Stripe received of each, as evidence carries it; an order of the helpers costs 1000.
create function pg_temp.received(p_stripe_id text, p_amount integer) returns jsonb
language sql
as $$ select pg_temp.said(p_stripe_id, 'found_paid') || jsonb_build_object('evidence', jsonb_build_object('amount_received', p_amount)) $$;

select pg_temp.place_due_order('halves', '{pi_1,pi_2}'), pg_temp.place_due_order('more', '{pi_3,pi_4}');
select pg_temp.begin_run('run'), pg_temp.claim('run');
select is(
  pg_temp.settled('run', array[
    pg_temp.decide('halves', 'paid', array[pg_temp.received('pi_1', 500), pg_temp.received('pi_2', 500)]),
    pg_temp.decide('more', 'paid', array[pg_temp.received('pi_3', 500), pg_temp.received('pi_4', 501)])
  ]),
  '{"outcomes": {"paid": 2}, "superseded": 0}', 'both orders are paid'
);
select results_eq(
  'select key from lapse.alerts', $$ values ('paid_twice:' || pg_temp.ref('more')) $$, 'a cent more than the amount is a surplus'
);

select * from finish();
rollback;
