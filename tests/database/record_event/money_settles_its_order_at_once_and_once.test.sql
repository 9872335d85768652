begin;
\ir ../helpers.sql
select plan(20);

create function pg_temp.record(p_name text, p_event_id text, p_payment jsonb) returns jsonb
language sql
as $$
  select lapse.record_event(
    p_event_id => p_event_id, p_type => 'test', p_livemode => false, p_now => pg_temp.noon(),
    p_payment => jsonb_build_object('ref', pg_temp.ref(p_name), 'account', '', 'reason', null, 'evidence', '{}'::jsonb) || p_payment
  )
$$;

create function pg_temp.money(p_stripe_id text, p_amount bigint, p_more jsonb default '{}') returns jsonb
language sql
as $$
  select jsonb_build_object(
    'stripeId', p_stripe_id, 'state', 'paid', 'reason', 'paid',
    'evidence', jsonb_build_object('status', 'succeeded', 'amount_received', p_amount) || p_more
  )
$$;

-- Its deadline is ahead, and it is not even in the ledger yet: the event is faster than everything else.
select pg_temp.place_order('fast');
select is(pg_temp.record('fast', 'evt_1', pg_temp.money('pi_1', 1000)) ->> 'result', 'paid', 'money settles its order');
select is(pg_temp.told('fast', 'status') || ' ' || pg_temp.told('fast', 'reason'), 'paid paid', 'in the ledger, by Stripe''s word');
select is((select o.status from public.orders o where o.id = pg_temp.id('fast')), 'paid', 'and in the shop');
select is(
  (select p.source || ' ' || (p.evidence ->> 'amount_received') from lapse.payments p where p.stripe_id = 'pi_1'), 'list 1000',
  'an unattached payment is recorded with its amount'
);
select is(pg_temp.told('fast', 'next_check_at'), null, 'and nothing is left to look at');
select is(pg_temp.record('fast', 'evt_1', pg_temp.money('pi_1', 1000)) ->> 'result', 'repeated', 'the same event again changes nothing');
select is(pg_temp.record('fast', 'evt_2', pg_temp.money('pi_1', 1000)) ->> 'result', 'already_paid', 'and neither does another one');
select is((select count(*)::integer from lapse.events), 2, 'each event is noted once');

-- Two halves.
select pg_temp.place_order('halves');
select is(pg_temp.record('halves', 'evt_3', pg_temp.money('pi_2', 400)) ->> 'result', 'partly_paid', 'a part of the amount settles nothing');
select is(pg_temp.told('halves', 'status'), 'pending', 'the order stays open');
select is(pg_temp.record('halves', 'evt_4', pg_temp.money('pi_3', 600)) ->> 'result', 'paid', 'the rest of it does');

-- A session and its intent, in both orders.
select pg_temp.place_order('session first');
select pg_temp.record('session first', 'evt_5', pg_temp.money('cs_1', 1000, '{"intent": "pi_4"}'));
select is(
  pg_temp.record('session first', 'evt_6', pg_temp.money('pi_4', 1000)) ->> 'result', 'already_paid', 'an intent after its session is no second payment'
);
select pg_temp.place_order('intent first');
select pg_temp.record('intent first', 'evt_7', pg_temp.money('pi_5', 1000));
select is(
  pg_temp.record('intent first', 'evt_8', pg_temp.money('cs_2', 1000, '{"intent": "pi_5"}')) ->> 'result', 'already_paid',
  'and neither is a session after its intent'
);
select is((select count(*)::integer from lapse.alerts), 0, 'nobody is told to refund anything');
select is(
  pg_temp.record('intent first', 'evt_9', pg_temp.money('pi_6', 1000)) ->> 'result', 'paid_twice', 'another payment of the amount is a second one'
);

-- What else may be paid.
select pg_temp.place_due_order('others', '{pi_7,pi_8}');
select is(
  pg_temp.record('others', 'evt_10', pg_temp.money('pi_7', 1000)) #>> '{order,status}', 'paid', 'while another payment is open, the order is answered'
);
select is(pg_temp.told('others', 'next_check_at')::timestamptz, pg_temp.noon(), 'and due at once, whatever becomes of the caller');
select pg_temp.record('others', null, '{"stripeId": "pi_8", "state": "dead", "reason": "ended_by_run", "evidence": {"status": "canceled"}}');
select is(pg_temp.told('others', 'next_check_at'), null, 'when the other one is dead nothing is left');

-- Too late.
select pg_temp.place_due_order('late');
select pg_temp.begin_run('run'), pg_temp.close_without_payments('run');
select is(pg_temp.record('late', 'evt_11', pg_temp.money('pi_9', 1000)) ->> 'result', 'late_payment', 'money for an expired order is late');
select is(
  (select p.reason from lapse.payments p where p.stripe_id = 'pi_9') || ' ' || (select o.status from public.orders o where o.id = pg_temp.id('late')),
  'order_expired expired', 'it is recorded as such, and the shop''s order stays as it is'
);

select * from finish();
rollback;
