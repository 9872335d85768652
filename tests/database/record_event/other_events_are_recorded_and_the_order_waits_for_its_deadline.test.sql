begin;
\ir ../helpers.sql
select plan(15);

create function pg_temp.record(p_name text, p_stripe_id text, p_state text, p_reason text, p_evidence jsonb, p_more jsonb default '{}')
returns text
language sql
as $$
  select lapse.record_event(
    p_event_id => 'evt_' || p_stripe_id || p_state || coalesce(p_reason, ''), p_type => 'test', p_livemode => false,
    p_now => pg_temp.noon(), p_payment => jsonb_build_object(
      'ref', pg_temp.ref(p_name), 'stripeId', p_stripe_id, 'account', '', 'state', p_state, 'reason', p_reason, 'evidence', p_evidence
    ) || p_more
  ) ->> 'result'
$$;

create function pg_temp.payment(p_stripe_id text) returns text
language sql
as $$ select p.state || ' ' || coalesce(p.reason, '') from lapse.payments p where p.stripe_id = p_stripe_id $$;

select pg_temp.place_order('open');
select lapse.attach_payment(p_ref => pg_temp.ref('open'), p_stripe_id => 'pi_1', p_now => pg_temp.noon());
create temporary table before as select * from lapse.orders where ref = pg_temp.ref('open');

select is(pg_temp.record('open', 'pi_1', 'open', 'processing', '{"status": "processing"}'), 'recorded', 'a payment that is processing is recorded');
select is(pg_temp.payment('pi_1'), 'open processing', 'with its reason');
select is(
  (select (p.evidence ->> 'processing_since')::timestamptz from lapse.payments p where p.stripe_id = 'pi_1'), pg_temp.noon(), 'and since when'
);
select pg_temp.record('open', 'pi_1', 'open', null, '{"status": "requires_payment_method"}');
select is(pg_temp.payment('pi_1'), 'open ', 'one that failed may be paid again');
select is(pg_temp.record('open', 'pi_1', 'dead', 'already_dead', '{"status": "canceled"}'), 'recorded', 'one that ended is recorded');
select is(pg_temp.payment('pi_1'), 'dead already_dead', 'as dead');
select results_eq(
  $$ select * from lapse.orders where ref = pg_temp.ref('open') $$, $$ select * from before $$, 'and nothing of this touches its order'
);
select is(pg_temp.record('open', 'pi_1', 'open', 'requires_capture', '{"status": "requires_capture"}'), 'recorded', 'a late answer');
select is(pg_temp.payment('pi_1'), 'dead already_dead', 'does not bring it back');

select pg_temp.record(
  'open', 'pi_2', 'open', 'voucher_open', '{"status": "requires_action"}',
  jsonb_build_object('holdUntil', pg_temp.noon() + interval '3 days')
);
select is(
  pg_temp.told('open', 'next_check_at')::timestamptz, pg_temp.noon() + interval '3 days 2 minutes', 'a voucher holds the order until it expires'
);
select is(pg_temp.told('open', 'deadline')::timestamptz, pg_temp.noon() + interval '30 minutes', 'which does not move the shop''s own deadline');

select is(pg_temp.record('open', 'pi_3', 'dead', 'already_dead', '{}'), 'nothing', 'a payment that nobody knew and that is dead is nobody''s business');

select pg_temp.place_due_order('held', '{pi_4}');
select pg_temp.begin_run('run'), pg_temp.claim('run');
select is(pg_temp.record('held', 'pi_4', 'dead', 'already_dead', '{}'), 'nothing', 'while a run holds the order, nothing is called dead');
select pg_temp.settle('run', array[pg_temp.decide('held', 'expired', array[pg_temp.said('pi_4', 'canceled')])]);
select is((select d.outcome from lapse.decisions d where d.stripe_id = 'pi_4'), 'canceled', 'so that the run''s own cancel is its own');

prepare foreign_payment as select pg_temp.record('held', 'pi_2', 'paid', 'paid', '{"amount_received": 1000}');
select throws_ok('foreign_payment', 'PT409', null, 'a payment of another order is refused');

select * from finish();
rollback;
