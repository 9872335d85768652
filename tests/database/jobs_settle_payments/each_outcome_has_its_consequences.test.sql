begin;
\ir ../helpers.sql
\ir ../cleanup.sql
select plan(11);

create function pg_temp.decided(p_stripe_id text, p_order text, p_outcome text, p_more jsonb default '{}') returns jsonb
language sql
as $$
  select pg_temp.settle_payments('run', array[
    pg_temp.payment(p_stripe_id, p_order) || jsonb_build_object('outcome', p_outcome, 'reason', 'test', 'evidence', '{"amount_received": 5}'::jsonb)
      || p_more
  ]) -> 'outcomes'
$$;
create function pg_temp.recorded(p_stripe_id text) returns text
language sql
as $$
  select format('%s, %s, %s', p.state, p.reason, p.evidence) from public.order_payments p where p.stripe_id = p_stripe_id
$$;
create function pg_temp.alerts() returns text[]
language sql
as $$ select array(select format('%s %s', severity, split_part(key, ':', 1)) from public.job_alerts order by 1) $$;

select pg_temp.place_due_order('expired', '{pi_expired}');
select pg_temp.begin_run('other job');
select pg_temp.claim('other job');
select pg_temp.settle('other job', array[pg_temp.decide('expired', 'expired', array[pg_temp.said('pi_expired', 'canceled')])]);
select pg_temp.place_due_order('paid', '{pi_paying,pi_left,pi_kept,pi_second}');
select public.mark_order_paid(pg_temp.id('paid'), 'pi_paying', pg_temp.noon());
select pg_temp.place_due_order('open', '{pi_open}');
select pg_temp.begin_cleanup('run');

select is(pg_temp.decided('pi_left', 'paid', 'canceled'), '{"canceled": 1}', 'canceled: told');
select is(pg_temp.recorded('pi_left'), 'dead, test, {"amount_received": 5}', 'and the payment is dead, with its evidence');

select is(pg_temp.decided('pi_kept', 'paid', 'kept', '{"nextLookAt": "2026-11-29T12:00:00Z", "alert": true}'), '{"kept": 1}', 'kept: told');
select is(pg_temp.recorded('pi_kept'), 'open, test, {"amount_received": 5}', 'and the payment says why it is still open');
select is(pg_temp.alerts(), '{"warning payments_unclear"}', 'and an operator hears of it');

select is(pg_temp.decided('pi_late', 'expired', 'late_payment'), '{"late_payment": 1}', 'a late payment: told');
select is(pg_temp.recorded('pi_late'), 'paid, test, {"amount_received": 5}', 'and recorded as paid, although it was never attached');
select is(pg_temp.alerts(), '{"critical late_payment","warning payments_unclear"}', 'and an operator hears of it');

select is(pg_temp.decided('pi_open', 'open', 'paid'), '{"found_paid": 1}', 'paid, of an open order: told');
select is(
  (select format('%s, %s, %s', o.status, o.status_reason, pg_temp.recorded('pi_open')) from public.orders o where o.id = pg_temp.id('open')),
  'paid, test, paid, test, {"amount_received": 5}', 'and the order is paid by it'
);

select pg_temp.decided('pi_second', 'paid', 'found_paid');
select is(
  pg_temp.alerts(), '{"critical late_payment","critical paid_twice","warning payments_unclear"}', 'a second payment of a paid order is an alert'
);

select * from finish();
rollback;
