begin;
\ir ../helpers.sql
select plan(6);

select pg_temp.place_due_order('found twice', '{pi_1,pi_2}');
select pg_temp.place_due_order('webhook first', '{pi_3,pi_4}');
select pg_temp.place_due_order('once', '{pi_5}');
select pg_temp.begin_run('run'), pg_temp.claim('run');
create temp table decisions as select array[
  pg_temp.decide('found twice', 'paid', array[pg_temp.said('pi_1', 'found_paid'), pg_temp.said('pi_2', 'found_paid')], 'paid_twice'),
  pg_temp.decide('webhook first', 'paid', array[pg_temp.said('pi_3', 'found_paid'), pg_temp.said('pi_4', 'found_paid')], 'paid_twice'),
  pg_temp.decide('once', 'paid', array[pg_temp.said('pi_5', 'found_paid')], 'paid')
] as list;

-- The webhook of one payment overtakes the run, between its question to Stripe and its settlement.
select pg_temp.mark_paid('webhook first', 'pi_3');
select is((select count(*) from lapse.alerts), 0::bigint, 'so far each order was paid once');
select is(pg_temp.settled('run', list), '{"outcomes": {"paid": 2}, "superseded": 1}', 'the run settles what is still its own') from decisions;

select bag_eq(
  'select key, severity, resolved_at from lapse.alerts',
  $$ values ('paid_twice:' || pg_temp.ref('found twice'), 'critical', null::timestamptz),
            ('paid_twice:' || pg_temp.ref('webhook first'), 'critical', null) $$,
  'both orders that were paid twice have an alert, the one paid once has none'
);
select is(
  pg_temp.mark_paid('webhook first', 'pi_4'), 'already_paid',
  'the run recorded what Stripe said of the second payment too, so its webhook tells nothing new'
);
select is(pg_temp.mark_paid('once', 'pi_5'), 'already_paid', 'a late webhook of a single payment does not');
select results_eq('select on_hand, reserved from public.inventory', 'values (997, 0)', 'stock is consumed once for each order');

select * from finish();
rollback;
