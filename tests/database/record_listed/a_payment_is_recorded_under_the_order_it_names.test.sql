begin;
\ir ../helpers.sql
\ir ../cleanup.sql
select plan(22);

select pg_temp.place_due_order('open', '{pi_known}'), pg_temp.place_due_order('paid', '{pi_paying}'), pg_temp.place_due_order('puzzling', '{pi_4}');
select pg_temp.mark_paid('paid', 'pi_paying');
update lapse.orders set status = 'quarantined', next_check_at = null where ref = pg_temp.ref('puzzling');
select lapse.watch_order('ORDER-A', p_deadline => pg_temp.noon() + interval '1 hour', p_placed_at => pg_temp.noon(), p_now => pg_temp.noon());
-- In the shop alone: one open, one expired, one paid.
select pg_temp.place_order('shop open', pg_temp.noon() - interval '1 day'), pg_temp.place_order('shop expired'), pg_temp.place_order('shop paid');
update public.orders set status = 'expired', expired_at = pg_temp.noon() where id = pg_temp.id('shop expired');
update public.orders set status = 'paid', paid_at = pg_temp.noon() where id = pg_temp.id('shop paid');
delete from lapse.inbox;

select pg_temp.cursors_at(pg_temp.noon() - interval '30 days');
select pg_temp.begin_cleanup('run');
create function pg_temp.at(p_days integer) returns timestamptz
language sql
as $$ select pg_temp.noon() - make_interval(days => p_days) $$;
create temp table answer as select pg_temp.record_listed('run', array[
  pg_temp.listed('pi_known', pg_temp.ref('open'), pg_temp.at(1)),
  pg_temp.listed('pi_copy', upper(pg_temp.ref('open')), pg_temp.at(1)),
  pg_temp.listed('pi_case', 'ORDER-A', pg_temp.at(1)),
  pg_temp.listed('pi_other_case', 'order-a', pg_temp.at(1)),
  pg_temp.listed('pi_left', pg_temp.ref('paid'), pg_temp.at(1)),
  pg_temp.listed('pi_new', pg_temp.ref('puzzling'), pg_temp.at(1)),
  pg_temp.listed('pi_shop_open', pg_temp.ref('shop open'), pg_temp.at(1)),
  pg_temp.listed('pi_shop_expired', pg_temp.ref('shop expired'), pg_temp.at(1)),
  pg_temp.listed('pi_shop_paid', pg_temp.ref('shop paid'), pg_temp.at(1), 'succeeded'),
  pg_temp.listed('pi_shop_left', pg_temp.ref('shop paid'), pg_temp.at(1)),
  pg_temp.listed('pi_stale', 'no order of ours', pg_temp.at(20)),
  pg_temp.listed('pi_money', 'nor this', pg_temp.at(2), 'succeeded'),
  pg_temp.listed('ch_1', 'no payment', pg_temp.at(1)), pg_temp.listed('pi_1_secret_2', 'no payment', pg_temp.at(1)), pg_temp.listed('pi_1', '', pg_temp.at(1))
], pg_temp.noon() - interval '30 days', pg_temp.noon()) as a;
create function pg_temp.of(p_stripe_id text) returns text
language sql
as $$
  select concat_ws(' ', coalesce(name, p.ref), o.status, p.source, o.next_check_at - pg_temp.noon())
  from lapse.payments p
  left join lapse.orders o on o.ref = p.ref
  left join unnest('{open,paid,puzzling,shop open,shop expired,shop paid}'::text[]) name on pg_temp.ref(name) = p.ref
  where p.stripe_id = p_stripe_id
$$;

select is((select a ->> 'recorded' from answer), '10', 'payments that nobody has yet are recorded');
select is((select a ->> 'proven' from answer), 'true', 'they have shown that the key is this shop''s');
select is(pg_temp.of('pi_known'), 'open pending server -01:00:00', 'what the shop attached stays its word');
select is(pg_temp.of('pi_copy'), 'open pending list -01:00:00', 'a uuid in capitals is the same uuid');
select is(pg_temp.told('open', 'payments'), '2', 'the order counts its payments');
select is(pg_temp.of('pi_case'), 'ORDER-A pending list 01:02:00', 'another ref is written as it is');
select is(pg_temp.of('pi_other_case'), 'order-a unknown list 6 days', 'in another case it is another order');
select is(pg_temp.of('pi_left'), 'paid paid list 00:00:00', 'a payment of a closed order is looked at now');
select is(pg_temp.of('pi_new'), 'puzzling quarantined list 00:00:00', 'so is one of a quarantined order');
select is(
  pg_temp.of('pi_shop_open'), 'shop open pending list -23:28:00', 'an order that is open in the shop is watched from now on'
);
select is(pg_temp.of('pi_shop_expired'), 'shop expired unknown list 6 days', 'one that is closed there is not: a stale payment waits');
select is(pg_temp.of('pi_shop_paid'), null, 'the money of a paid order is nothing new');
select is(pg_temp.of('pi_shop_left'), 'shop paid unknown list 6 days', 'another payment of it is');
select is(pg_temp.of('pi_stale'), 'no order of ours unknown list -13 days', 'a payment of nobody''s order is looked at once it is stale');
select is(pg_temp.of('pi_money'), 'nor this unknown list -2 days', 'and at once if it brought money');
select is((select count(*) from lapse.orders where ref in ('no payment', '')), 0::bigint, 'what is no payment is left out');
select is(
  (select min(due_since) from lapse.orders where status = 'unknown'), pg_temp.noon(), 'an unknown order waits since it was found'
);

-- The same window once more, from the other job or after a crash.
create temp table before as select pg_temp.everything() as hash;
select is(
  pg_temp.record_listed('run', array[pg_temp.listed('pi_copy', pg_temp.ref('open'), pg_temp.at(1)),
    pg_temp.listed('pi_stale', 'no order of ours', pg_temp.at(20))], pg_temp.noon() - interval '30 days', pg_temp.noon()) ->> 'recorded',
  '0', 'recorded again, it brings nothing'
);
select is(pg_temp.everything(), hash, 'and changes nothing') from before;

-- A payment has one order, whatever it names later.
select pg_temp.record_listed('run', array[pg_temp.listed('pi_copy', 'another', pg_temp.at(1))], pg_temp.noon(), pg_temp.noon());
select is((select ref from lapse.payments where stripe_id = 'pi_copy'), pg_temp.ref('open'), 'a payment stays with its order');
select is((select count(*) from lapse.orders where ref = 'another'), 0::bigint, 'and makes no other one');
-- A younger payment brings an unknown order forward, an older look stays.
select pg_temp.record_listed(
  'run', array[pg_temp.listed('pi_soon', 'order-a', pg_temp.at(3), 'succeeded')], pg_temp.noon(), pg_temp.noon()
);
select is(pg_temp.of('pi_other_case'), 'order-a unknown list -3 days', 'money brings the look at an unknown order forward');

select * from finish();
rollback;
