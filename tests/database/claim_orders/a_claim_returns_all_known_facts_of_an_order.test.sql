begin;
\ir ../helpers.sql
select plan(3);

select pg_temp.place_due_order('order', '{pi_1,cs_1}');
update lapse.orders set grace_until = pg_temp.noon() - interval '1 hour', method = 'card';
-- What a customer's role noted is no proof by itself.
update lapse.payments set source = 'client', attached_at = pg_temp.noon() - interval '2 hours' where stripe_id = 'pi_1';
update lapse.payments
set state = 'paid', reason = 'paid', evidence = '{"amount_received": 400, "intent": "pi_9"}', closed_at = pg_temp.noon(),
    account = 'acct_1', attached_at = pg_temp.noon() - interval '1 hour'
where stripe_id = 'cs_1';
select pg_temp.begin_run('run');
create function pg_temp.claimed() returns jsonb
language sql
as $$ select lapse.claim_orders(p_run_id => pg_temp.id('run'), p_fence => 1, p_limit => 10, p_now => pg_temp.noon()) -> 0 $$;

create temporary table claim as select pg_temp.claimed() as o;
select is(
  (select o - 'payments' from claim),
  jsonb_build_object(
    'ref', pg_temp.ref('order'), 'status', 'open', 'attempt', 1, 'amount', 1000, 'currency', 'eur', 'account', '',
    'method', 'card', 'placedAt', pg_temp.noon() - interval '92 minutes', 'deadline', pg_temp.noon() - interval '62 minutes',
    'graceUntil', pg_temp.noon() - interval '1 hour', 'shopState', null
  ),
  'the order'
);
select is(
  (select o -> 'payments' from claim),
  jsonb_build_array(
    jsonb_build_object(
      'stripeId', 'pi_1', 'kind', 'payment_intent', 'account', '', 'state', 'open', 'source', 'client', 'reason', null,
      'receivedAmount', null, 'intent', null, 'attachedAt', pg_temp.noon() - interval '2 hours'
    ),
    jsonb_build_object(
      'stripeId', 'cs_1', 'kind', 'checkout_session', 'account', 'acct_1', 'state', 'paid', 'source', 'server',
      'reason', 'paid', 'receivedAmount', 400, 'intent', 'pi_9', 'attachedAt', pg_temp.noon() - interval '1 hour'
    )
  ),
  'its payments, the oldest first'
);

-- Evidence is Stripe's word, and may be odd.
update lapse.payments set evidence = '{"amount_received": 12.5}' where stripe_id = 'cs_1';
update lapse.orders set next_check_at = pg_temp.noon() - interval '1 hour', run_id = null, status = 'pending';
select is(pg_temp.claimed() #> '{payments,1,receivedAmount}', 'null', 'an amount that is none is left out, and stops no claim');

select * from finish();
rollback;
