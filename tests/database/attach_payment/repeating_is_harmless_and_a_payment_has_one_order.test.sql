begin;
\ir ../helpers.sql
select plan(6);

select pg_temp.place_due_order('a', '{pi_1}');
select pg_temp.place_due_order('b');
create temp table before as select pg_temp.everything() as hash;

select is(
  (public.attach_payment(pg_temp.id('a'), 'payment_intent', 'pi_1')).stripe_id, 'pi_1', 'the second call answers the payment'
);
select throws_ok(
  format('select public.attach_payment(%L, %L, %L)', pg_temp.id('b'), 'payment_intent', 'pi_1'), 'PT409',
  format('Cannot attach payment pi_1 to order %s as it belongs to another: current value is %s', pg_temp.id('b'), pg_temp.id('a')),
  'another order''s payment is refused'
);
select is(pg_temp.everything(), (select hash from before), 'neither of them changed anything');

select pg_temp.begin_run('run'), pg_temp.claim('run');
select is(
  (public.attach_payment(pg_temp.id('a'), 'payment_intent', 'pi_1')).stripe_id, 'pi_1',
  'repeating is harmless even while the order is being closed'
);

select lives_ok(
  format('select public.attach_payment(%L, %L, %L, %L)', pg_temp.id('b'), 'payment_intent', 'pi_1', 'acct_1'),
  'the same id on a connected account is another payment'
);
select is(
  (select count(*) from public.order_payments where stripe_id = 'pi_1'), 2::bigint, 'and gets a row of its own'
);

select * from finish();
rollback;
