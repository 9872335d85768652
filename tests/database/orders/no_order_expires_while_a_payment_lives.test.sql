begin;
\ir ../helpers.sql
select plan(7);

prepare expire(text) as
  update public.orders set status = 'expired', expired_at = now(), next_check_at = null, claimed_by = null where id = pg_temp.id($1);

select pg_temp.place_due_order('one open', '{pi_1,pi_2}');
select pg_temp.place_due_order('by hand');
select pg_temp.place_due_order('dead', '{pi_3}');
select pg_temp.place_due_order('none');
update public.order_payments set state = 'dead', evidence = '{}', closed_at = now() where stripe_id in ('pi_1', 'pi_3');
insert into public.order_payments (order_id, kind, stripe_id, state, evidence, closed_at)
values (pg_temp.id('by hand'), 'payment_intent', 'pi_4', 'paid', '{}', now());

select throws_ok(
  $$ execute expire('one open') $$, '23001', 'Cannot expire order as a payment is not dead: current value is open',
  'one payment that may still succeed is enough'
);
select throws_ok(
  $$ execute expire('by hand') $$, '23001', 'Cannot expire order as a payment is not dead: current value is paid',
  'and so is a paid one, whoever wrote it'
);
select lives_ok($$ execute expire('dead') $$, 'all payments dead: it may expire');
select lives_ok($$ execute expire('none') $$, 'no payment at all: it may expire');

select throws_ok(
  format('insert into public.order_payments (order_id, kind, stripe_id) values (%L, %L, %L)', pg_temp.id('none'), 'payment_intent', 'pi_5'),
  '23001', 'Cannot attach payment pi_5 as the order is closed: current value is expired', 'and then gets no payment that could succeed'
);
select throws_ok(
  $$ update public.order_payments set state = 'dead' where state = 'open' $$, '23514', null, 'a payment is not dead without evidence'
);
select results_eq(
  'select payment_count from public.orders order by 1', 'values (0), (1), (1), (2)', 'each order counts its payments'
);

select * from finish();
rollback;
