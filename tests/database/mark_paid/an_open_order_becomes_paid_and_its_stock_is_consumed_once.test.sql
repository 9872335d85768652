begin;
\ir ../helpers.sql
select plan(14);

select pg_temp.place_due_order('pending', '{pi_1}', p_due_for => '-1 hour', p_quantity => 2);
select pg_temp.place_due_order('expiring', '{pi_2}', p_quantity => 3);
select pg_temp.place_due_order('quarantined', '{pi_3}', p_quantity => 4);
select pg_temp.place_due_order('untouched', '{pi_4}', p_due_for => '-1 hour', p_quantity => 5);
select pg_temp.begin_run('run'), pg_temp.claim('run');
select pg_temp.settle('run', array[pg_temp.decide('quarantined', 'quarantined')]);

select is(public.mark_order_paid(pg_temp.id(name), stripe_id, pg_temp.noon()), 'paid', 'from ' || name)
from (values ('pending', 'pi_1'), ('expiring', 'pi_2'), ('quarantined', 'pi_3')) as it (name, stripe_id);

select results_eq(
  $$ select distinct status, status_reason, paid_at, next_check_at, claimed_by from public.orders where id <> pg_temp.id('untouched') $$,
  $$ values ('paid', 'reported_by_shop', pg_temp.noon(), null::timestamptz, null::uuid) $$,
  'the orders are paid and no run will look at them again'
);
select results_eq(
  $$ select distinct state, closed_at from public.order_payments where stripe_id <> 'pi_4' $$,
  $$ values ('paid', pg_temp.noon()) $$, 'so are their payments'
);
select results_eq(
  $$ select distinct state, closed_at from public.stock_reservations where order_id <> pg_temp.id('untouched') $$,
  $$ values ('consumed', pg_temp.noon()) $$, 'their reservations are consumed'
);
select results_eq('select on_hand, reserved from public.inventory', 'values (991, 5)', 'the units left the warehouse');

select is(public.mark_order_paid(pg_temp.id(name), stripe_id), 'already_paid', 'again: ' || name)
from (values ('pending', 'pi_1'), ('expiring', 'pi_2'), ('quarantined', 'pi_3')) as it (name, stripe_id);
select results_eq('select on_hand, reserved from public.inventory', 'values (991, 5)', 'and leave it once');
select is((select count(*) from public.job_alerts), 0::bigint, 'nobody is alarmed');
select throws_ok(
  format('select public.mark_order_paid(%L, %L)', pg_temp.id('unknown'), 'pi_1'), 'PT404', null, 'an unknown order is not found'
);

select throws_ok(
  format('select public.mark_order_paid(%L, %L)', gen_random_uuid(), 'undefined'), '22023', null, 'what is no id of Stripe''s is refused'
);

select * from finish();
rollback;
