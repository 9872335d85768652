begin;
\ir ../helpers.sql
\ir ../cleanup.sql
select plan(22);

-- What Stripe said of one payment, by a clean-up that was asked to look again in a day.
create function pg_temp.check_it(p_run text, p_ref text, p_said jsonb, p_after interval default interval '1 day', p_now timestamptz default pg_temp.noon())
returns jsonb
language plpgsql
as $$
begin
  update lapse.orders set next_check_at = p_now where ref = p_ref;
  perform pg_temp.cursors_at(p_now + interval '1 second'), pg_temp.claim(p_run, p_now);
  return (pg_temp.settle(p_run, array[(
    select jsonb_build_object('ref', o.ref, 'attempt', o.attempt, 'outcome', 'checked', 'reason', 'payments_checked',
      'nextCheckAt', p_now + p_after, 'payments', jsonb_build_array(p_said))
    from lapse.orders o where o.ref = p_ref
  )], p_now) - '{paymentsPerSecond,waitForShare}'::text[]) -> 'outcomes';
end;
$$;
create function pg_temp.counted() returns text
language sql
as $$ select format('%s kept, %s late, %s cancelled', payments_kept, late_payments, payment_intents_canceled) from lapse.runs where status = 'running' $$;
create function pg_temp.kept(p_stripe_id text, p_reason text) returns jsonb
language sql
as $$ select pg_temp.said(p_stripe_id, 'kept') || jsonb_build_object('reason', p_reason, 'alert', true) $$;

select pg_temp.place_due_order('expired', '{pi_1}'), pg_temp.place_due_order('paid', '{pi_2,pi_3}');
select pg_temp.begin_run('run'), pg_temp.claim('run');
select pg_temp.settle('run', array[
  pg_temp.decide('expired', 'expired', array[pg_temp.said('pi_1', 'canceled')]),
  pg_temp.decide('paid', 'paid', array[pg_temp.said('pi_2', 'found_paid'), pg_temp.said('pi_3', 'kept')])
]);
select lapse.finish_run(pg_temp.id('run'), 'succeeded', p_now => pg_temp.noon());
insert into lapse.orders (ref, status, placed_at, deadline) values ('gone', 'unknown', pg_temp.noon(), pg_temp.noon());
select lapse.record_payments(array[pg_temp.ref('expired'), 'gone'], '{pi_late,pi_gone}', null, 'list', pg_temp.noon());
select pg_temp.begin_cleanup('cleanup');

select is(pg_temp.check_it('cleanup', pg_temp.ref('paid'), pg_temp.kept('pi_3', 'unknown_status')), '{"checked": 1}', 'a payment that is left alone');
select is(pg_temp.counted(), '1 kept, 0 late, 0 cancelled', 'is recorded once');
select results_eq(
  'select key, severity from lapse.alerts', $$ values ('payments_unclear:unknown_status', 'warning') $$, 'and an alert is raised'
);
select is(pg_temp.told('paid', 'status'), 'paid', 'its order stays as it is');
select ok(
  (pg_temp.told('paid', 'next_check_at')::timestamptz - pg_temp.noon()) between interval '1 day' and interval '1 day 10 minutes',
  'and is checked again at about the requested time'
);
select pg_temp.check_it('cleanup', pg_temp.ref('paid'), pg_temp.kept('pi_3', 'unknown_status'));
select is(pg_temp.counted(), '1 kept, 0 late, 0 cancelled', 'the same reason is no news');
select is((select occurrences from lapse.alerts), 1, 'and no alert');
select pg_temp.check_it('cleanup', pg_temp.ref('paid'), pg_temp.kept('pi_3', 'processing'));
select is(pg_temp.counted(), '2 kept, 0 late, 0 cancelled', 'another one is');
select pg_temp.check_it('cleanup', pg_temp.ref('paid'), pg_temp.said('pi_3', 'canceled'));
select is(pg_temp.counted(), '2 kept, 0 late, 1 cancelled', 'then it is cancelled');

select pg_temp.check_it('cleanup', pg_temp.ref('expired'), pg_temp.said('pi_late', 'found_paid') || '{"reason": "order_expired"}');
select is(pg_temp.counted(), '2 kept, 1 late, 1 cancelled', 'money for an expired order is late');
select results_eq(
  $$ select key, severity, details -> 'payments' from lapse.alerts where key like 'late%' $$,
  $$ values ('late_payment:' || pg_temp.ref('expired'), 'critical', '["pi_late"]'::jsonb) $$, 'and has an alert'
);
select pg_temp.check_it('cleanup', pg_temp.ref('expired'), pg_temp.said('pi_late', 'found_paid') || '{"reason": "order_expired"}');
select is(pg_temp.counted(), '2 kept, 1 late, 1 cancelled', 'once');
select is((select occurrences from lapse.alerts where key like 'late%'), 1, 'as is the alert');
select is((select status from public.orders where id = pg_temp.id('expired')), 'expired', 'the order stays expired');

select pg_temp.check_it('cleanup', 'gone', pg_temp.said('pi_gone', 'found_paid') || '{"reason": "order_absent"}');
select is(
  (select message from lapse.alerts where key = 'late_payment:gone'), 'A payment succeeded although its order does not exist',
  'money for an unknown order is also late'
);
select is((select outcome || ', ' || reason from lapse.decisions where stripe_id = 'pi_gone'), 'late_payment, order_absent', 'and recorded as that');

-- The shop took an expired order back itself: money for it is not late.
select lapse.record_payments(array[pg_temp.ref('expired')], '{pi_second}', null, 'list', pg_temp.noon());
update public.orders set status = 'paid', expired_at = null, paid_at = pg_temp.noon() where id = pg_temp.id('expired');
select pg_temp.check_it('cleanup', pg_temp.ref('expired'), pg_temp.said('pi_second', 'found_paid') || '{"reason": "paid"}');
select is((select outcome from lapse.decisions where stripe_id = 'pi_second'), 'found_paid', 'what the shop says of the order comes first here, too');

-- A payment that came while the run held the order.
update lapse.orders set next_check_at = pg_temp.noon() where ref = pg_temp.ref('paid');
select pg_temp.claim('cleanup'), lapse.record_payments(array[pg_temp.ref('paid')], '{pi_came}', null, 'list', pg_temp.noon());
select pg_temp.settle('cleanup', array[pg_temp.decide('paid', 'checked')]);
select is(pg_temp.told('paid', 'next_check_at')::timestamptz, pg_temp.noon(), 'a payment that was not inspected is due at once, whatever was decided');

-- An attempt at a closed order that fails for the last time.
update lapse.settings set max_attempts = 2;
update lapse.orders set next_check_at = pg_temp.noon(), failures = 1, run_id = null where ref = pg_temp.ref('paid');
select pg_temp.claim('cleanup');
select is(pg_temp.settled('cleanup', array[pg_temp.decide('paid', 'retry', p_reason => 'timeout')]), '{"outcomes": {"retry": 1}, "superseded": 0}', 'a closed order is not quarantined');
select is(
  pg_temp.told('paid', 'status') || ', ' || (pg_temp.told('paid', 'next_check_at')::timestamptz - pg_temp.noon()), 'paid, 7 days',
  'it is looked at again in a week'
);
select is(pg_temp.told('paid', 'failures'), '0', 'with a fresh count of attempts');
select is(
  (select severity from lapse.alerts where key = 'payments_unclear:attempts_exhausted'), 'warning', 'and an alert is raised'
);

select * from finish();
rollback;
