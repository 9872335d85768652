begin;
\ir ../helpers.sql
\ir ../cleanup.sql
select plan(7);

-- What is known of an intent of the page that names this order.
create function pg_temp.known(p_stripe_id text, p_order text) returns jsonb
language sql
as $$
  select public.jobs_inspect_payments(
    p_livemode => false, p_payments => jsonb_build_array(jsonb_build_object('stripeId', p_stripe_id, 'orderId', pg_temp.id(p_order))),
    p_now => pg_temp.noon()
  ) -> 0
$$;
create function pg_temp.siblings(p_stripe_id text, p_order text) returns text
language sql
as $$
  select format('paid by %s, open session %s', jsonb_path_query_array(k, '$.paidBy[*].stripeId'), k -> 'openSession')
  from pg_temp.known(p_stripe_id, p_order) k
$$;

select pg_temp.place_due_order('paid', '{pi_paying,pi_other,cs_open}');
select public.mark_order_paid(pg_temp.id('paid'), 'pi_paying', pg_temp.noon());
select pg_temp.place_due_order('open', '{pi_alone}');

select is(
  pg_temp.known('pi_paying', 'paid') - 'listed' - 'paidBy' - 'openSession',
  jsonb_build_object(
    'kind', 'payment_intent', 'stripeId', 'pi_paying', 'stripeAccount', null, 'orderId', pg_temp.id('paid'), 'recordedState', 'paid',
    'order', '{"status": "paid", "amount": 1000, "currency": "eur"}'::jsonb
  ), 'a recorded payment, and its order'
);
select is(pg_temp.known('pi_paying', 'open') ->> 'orderId', pg_temp.id('paid')::text, 'of the order it was attached to, whatever it names');
select is(
  pg_temp.known('pi_new', 'open') -> 'recordedState' || (pg_temp.known('pi_new', 'gone') -> 'order'), '[null, null]',
  'a payment that was never recorded, an order that does not exist'
);
select is(pg_temp.siblings('pi_paying', 'paid'), 'paid by [], open session true', 'a payment is not paid by itself');
select is(pg_temp.siblings('pi_other', 'paid'), 'paid by ["pi_paying"], open session true', 'but by another one of its order');
select is(pg_temp.siblings('pi_new', 'paid'), 'paid by ["pi_paying"], open session true', 'also if it was never recorded');
select is(pg_temp.siblings('cs_open', 'paid'), 'paid by ["pi_paying"], open session false', 'an open session is not beside itself');

select * from finish();
rollback;
