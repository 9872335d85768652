begin;
\ir ../helpers.sql
select plan(3);

insert into public.inventory (sku, on_hand) values ('tea', 1);
select public.place_order(
  'mxn', 1, '[{"sku": "tea", "quantity": 1}]', p_expires_at => pg_temp.noon(), p_order_id => pg_temp.id('a'),
  p_now => pg_temp.noon() - interval '1 hour'
);
prepare deadline as select expires_at - pg_temp.noon(), next_check_at - pg_temp.noon() from public.orders;

select public.attach_payment(pg_temp.id('a'), 'payment_intent', 'pi_1', p_expires_at => pg_temp.noon() + interval '3 days');
select results_eq(
  'deadline', $$ values (interval '3 days', interval '3 days 2 minutes') $$, 'a later expiry moves deadline and check, grace included'
);
select public.attach_payment(pg_temp.id('a'), 'payment_intent', 'pi_2', p_expires_at => pg_temp.noon() + interval '1 day');
select results_eq('deadline', $$ values (interval '3 days', interval '3 days 2 minutes') $$, 'an earlier one moves nothing');
select public.attach_payment(pg_temp.id('a'), 'payment_intent', 'pi_3');
select results_eq('deadline', $$ values (interval '3 days', interval '3 days 2 minutes') $$, 'and a payment without one moves nothing');

select * from finish();
rollback;
