begin;
\ir ../helpers.sql
select plan(30);

create function pg_temp.gave_back(p_stripe_id text, p_refunded bigint default 1000) returns jsonb
language sql
as $$
  select jsonb_build_object(
    'stripeId', p_stripe_id, 'outcome', 'found_dead', 'state', 'dead', 'reason', 'refunded',
    'evidence', jsonb_build_object('status', 'succeeded', 'amount_received', 1000, 'amount_refunded', p_refunded)
  )
$$;
create function pg_temp.heard(p_name text, p_type text, p_payment jsonb) returns text
language sql
as $$
  select lapse.record_event(
    p_event_id => null, p_type => p_type, p_livemode => false, p_now => pg_temp.noon(),
    p_payment => jsonb_build_object('ref', pg_temp.ref(p_name), 'account', '') || p_payment - 'outcome'
  ) ->> 'result'
$$;
create function pg_temp.state(p_stripe_id text) returns text
language sql
as $$ select p.state || ' ' || p.reason from lapse.payments p where p.stripe_id = p_stripe_id $$;

-- Paid in part, then given back: the order is open and its payment on record as paid.
select pg_temp.place_due_order('open', '{pi_1}');
select is(pg_temp.mark_paid('open', 'pi_1', 600), 'partly_paid', 'part of the amount is recorded as paid');
select throws_ok(
  $$ update lapse.payments set state = 'dead', reason = 'refunded' where stripe_id = 'pi_1' $$, '23001', null,
  'paid money is final without Stripe''s answer that it was given back'
);
select pg_temp.begin_run('run'), pg_temp.claim('run');
select is(
  pg_temp.settled('run', array[pg_temp.decide('open', 'expired', array[pg_temp.gave_back('pi_1')])]) -> 'outcomes', '{"expired": 1}',
  'refunded in full, nothing keeps the order from expiring'
);
select is(pg_temp.state('pi_1'), 'dead refunded', 'the payment is dead');
select is(
  (select count(*)::integer from lapse.decisions where stripe_id = 'pi_1' and outcome = 'found_dead' and reason = 'refunded'), 1,
  'which is decided, and counted'
);
select is(pg_temp.mark_paid('open', 'pi_1', 1000), 'refunded', 'a webhook that comes late neither pays nor alerts');
select is((select count(*)::integer from lapse.alerts), 0, 'nothing is left to do');

-- The same by an event, before anybody looked.
select pg_temp.place_order('heard');
select lapse.attach_payment(p_ref => pg_temp.ref('heard'), p_stripe_id => 'pi_2', p_now => pg_temp.noon());
select pg_temp.heard('heard', 'charge.refunded', pg_temp.gave_back('pi_2'));
select is(pg_temp.state('pi_2'), 'dead refunded', 'an event that leads to such an answer records it');
select is(pg_temp.told('heard', 'status'), 'pending', 'and the order waits for its deadline');
select is(pg_temp.mark_paid('heard', 'pi_2', 1000), 'refunded', 'no later report pays the order');
select is(pg_temp.told('heard', 'status'), 'pending', 'nor takes its stock');

-- An answer of Stripe that was on its way when the refund was recorded.
create function pg_temp.answered(p_name text, p_stripe_id text, p_asked_at timestamptz) returns text
language sql
as $$
  select lapse.record_event(
    p_event_id => 'evt_late', p_type => 'payment_intent.succeeded', p_livemode => false, p_now => pg_temp.noon() + interval '1 minute',
    p_payment => jsonb_build_object(
      'ref', pg_temp.ref(p_name), 'account', '', 'stripeId', p_stripe_id, 'state', 'paid', 'reason', 'paid', 'askedAt', p_asked_at,
      'evidence', '{"status": "succeeded", "amount_received": 1000, "amount_refunded": 0}'::jsonb
    )
  ) ->> 'result'
$$;
select is(pg_temp.answered('heard', 'pi_2', pg_temp.noon()), 'outdated', 'an answer from before the refund is refused');
select is((select count(*)::integer from lapse.events), 0, 'and its event may be delivered again');
select is((select count(*)::integer from lapse.alerts), 0, 'without an alert');
select is(
  pg_temp.answered('heard', 'pi_2', pg_temp.noon() + interval '1 second'), 'refunded', 'a later answer says that the bank sent the refund back'
);
select is((select count(*)::integer from lapse.alerts where key = 'payments_unclear:dead_but_paid'), 1, 'which alerts');
delete from lapse.alerts;
delete from lapse.events;

-- A settled order: the shop refunds what it sold, which is its own affair.
select pg_temp.place_due_order('sold', '{pi_3}');
select pg_temp.mark_paid('sold', 'pi_3', 1000);
select pg_temp.heard('sold', 'charge.refunded', pg_temp.gave_back('pi_3'));
select is(
  pg_temp.told('sold', 'status') || ' ' || split_part(pg_temp.state('pi_3'), ' ', 1), 'paid paid', 'a paid order and its payment stay as they are'
);

select is(pg_temp.answered('sold', 'pi_3', pg_temp.noon()), 'outdated', 'an answer from before the refund does not bring its money back');

-- Refunded, and then the order is paid by another payment.
select pg_temp.place_order('twice');
select lapse.attach_payment(p_ref => pg_temp.ref('twice'), p_stripe_id => 'pi_7', p_now => pg_temp.noon());
select pg_temp.heard('twice', 'charge.refunded', pg_temp.gave_back('pi_7')), pg_temp.mark_paid('twice', 'pi_8', 1000);
select is(pg_temp.mark_paid('twice', 'pi_7', 1000), 'refunded', 'a late report of the refunded payment is no second payment');
select is((select count(*)::integer from lapse.alerts), 0, 'and does not alert');
select pg_temp.answered('twice', 'pi_7', pg_temp.noon() + interval '1 second');
select is(
  (select details -> 'payments' from lapse.alerts where key = 'paid_twice:' || pg_temp.ref('twice')), '["pi_7"]',
  'a refund that the bank sent back does: it must be refunded once more'
);
delete from lapse.alerts;
delete from lapse.events;

-- Alerts about money that is gone close.
select pg_temp.mark_paid('sold', 'pi_4', 1000);
select is((select count(*)::integer from lapse.alerts where resolved_at is null and key like 'paid_twice:%'), 0,
  'a second payment is no surplus when the first was given back');
select pg_temp.place_due_order('late'), pg_temp.close_without_payments('run');
select pg_temp.mark_paid('late', 'pi_5', 1000);
select is((select count(*)::integer from lapse.alerts where resolved_at is null and key like 'late_payment:%'), 1, 'late money alerts');
select pg_temp.heard('late', 'refund.updated', pg_temp.gave_back('pi_5', 400) || '{"state": "open", "reason": "partly_refunded"}');
select is((select count(*)::integer from lapse.alerts where resolved_at is null), 1, 'refunded in half, it still does');
select pg_temp.heard('late', 'charge.refunded', pg_temp.gave_back('pi_5'));
select is((select count(*)::integer from lapse.alerts where resolved_at is null), 0, 'refunded in full, the alert closes');

-- An order that the shop closed, and for which money came: a person decides, until there is no money.
select pg_temp.place_due_order('cancelled', '{pi_6}');
select public.close_orders(array[pg_temp.id('cancelled')], '{}');
select pg_temp.mark_paid('cancelled', 'pi_6', 1000);
create function pg_temp.stands(p_name text) returns text
language sql
as $$ select concat_ws(' ', pg_temp.told(p_name, 'status'), pg_temp.told(p_name, 'reason')) $$;
select is(pg_temp.stands('cancelled'), 'quarantined late_payment', 'a person decides about money for an order that the shop closed');
select pg_temp.heard('cancelled', 'refund.updated', pg_temp.gave_back('pi_6', 400) || '{"state": "open", "reason": "partly_refunded"}');
select is(pg_temp.stands('cancelled'), 'quarantined late_payment', 'also if half of it was refunded');
insert into lapse.refunds (stripe_id, ref, reason, status, amount, currency, created_at, next_attempt_at)
select 'pi_6', pg_temp.ref('cancelled'), 'order_expired', 'pending', 1000, 'eur', pg_temp.noon(), pg_temp.noon();
select pg_temp.heard('cancelled', 'charge.refunded', pg_temp.gave_back('pi_6'));
select is(pg_temp.stands('cancelled'), 'quarantined late_payment', 'and while a refund is pending, which a bank may send back');
-- Lapse's refund failed, and a person refunded the payment in Stripe's dashboard.
update lapse.refunds set status = 'failed', ended_at = pg_temp.noon(), next_attempt_at = null where stripe_id = 'pi_6';
select pg_temp.heard('cancelled', 'charge.refunded', pg_temp.gave_back('pi_6'));
select is(pg_temp.stands('cancelled'), 'expired closed_by_shop', 'refunded in full, the order is closed');
select is(pg_temp.state('pi_6'), 'dead refunded', 'and its payment is dead');

select * from finish();
rollback;
