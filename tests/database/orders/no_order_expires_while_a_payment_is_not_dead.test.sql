begin;
\ir ../helpers.sql
select plan(5);

prepare expire(text) as
  update lapse.orders set status = 'expired', closed_at = now(), next_check_at = null, run_id = null where ref = pg_temp.ref($1);

select pg_temp.place_due_order('one open', '{pi_1,pi_2}');
select pg_temp.place_due_order('paid', '{pi_4}');
select pg_temp.place_due_order('dead', '{pi_3}');
select pg_temp.place_due_order('none');
update lapse.payments set state = 'dead', evidence = '{}', closed_at = now() where stripe_id in ('pi_1', 'pi_3');
update lapse.payments set state = 'paid', evidence = '{}', closed_at = now() where stripe_id = 'pi_4';

select throws_ok(
  format('execute expire(%L)', name), '23001', format('Cannot expire order %s: a payment of it is not dead', pg_temp.ref(name)), it
)
from (values ('one open', 'one payment that may still succeed is enough'), ('paid', 'and so is a paid one')) as bad (name, it);
select lives_ok($$ execute expire('dead') $$, 'all payments dead: it may expire');
select lives_ok($$ execute expire('none') $$, 'no payment at all: it may expire');
select results_eq(
  'select payments from lapse.orders order by 1', 'values (0), (1), (1), (2)', 'each order counts its payments'
);

select * from finish();
rollback;
