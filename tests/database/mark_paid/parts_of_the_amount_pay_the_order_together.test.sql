begin;
\ir ../helpers.sql
select plan(14);

select pg_temp.place_due_order('halves', '{pi_1,pi_2,pi_3}');
select is(pg_temp.mark_paid('halves', 'pi_1', 400), 'partly_paid', 'less than the amount');
select is(pg_temp.told('halves', 'status') || (select state from lapse.payments where stripe_id = 'pi_1'), 'pendingpaid', 'is recorded, and the order stays open');
select is(pg_temp.mark_paid('halves', 'pi_1', 400), 'partly_paid', 'the same part again is the same part');
select is(pg_temp.mark_paid('halves', 'pi_2', 600), 'paid', 'both parts together pay it');
select is((select count(*) from lapse.alerts), 0::bigint, 'two halves are no surplus');
select is(pg_temp.mark_paid('halves', 'pi_3', 1), 'paid_twice', 'whatever comes on top is');

select pg_temp.place_due_order('unsaid');
select is(pg_temp.mark_paid('unsaid', 'pi_4'), 'paid', 'a payment without an amount is taken for the whole');
select is(pg_temp.mark_paid('unsaid', 'pi_4', 1000), 'already_paid', 'and its amount may be reported later');
select is((select evidence -> 'amount_received' from lapse.payments where stripe_id = 'pi_4'), '1000', 'which is kept');

select lapse.watch_order(pg_temp.ref('open-ended'), p_now => pg_temp.noon());
select pg_temp.place_order('open-ended');
truncate lapse.inbox;
select is(pg_temp.mark_paid('open-ended', 'pi_5', 1), 'paid', 'an order without an amount is settled by any payment');

select pg_temp.place_due_order('quarantined', '{pi_6}');
select pg_temp.begin_run('run'), pg_temp.claim('run');
select pg_temp.settle('run', array[pg_temp.decide('quarantined', 'quarantined', array[pg_temp.said('pi_6', 'found_paid')])]);
select is(
  pg_temp.mark_paid('quarantined', 'pi_7', 600), 'paid', 'without an amount from Stripe, the parts cannot be short'
);

-- The shop marked the order as paid before both parts were reported.
select pg_temp.place_due_order('marked');
select public.close_order(pg_temp.id('marked'), true);
select is(pg_temp.mark_paid('marked', 'pi_8', 500), 'already_paid', 'the first half of an order that the shop called paid');
select is(pg_temp.mark_paid('marked', 'pi_9', 500), 'already_paid', 'and the second');
select is((select count(*) from lapse.alerts where key = 'paid_twice:' || pg_temp.ref('marked')), 0::bigint, 'alarm nobody');

select * from finish();
rollback;
