begin;
\ir ../helpers.sql
select plan(18);

select pg_temp.place_due_order('paid', '{pi_1}'), pg_temp.place_due_order('bare'), pg_temp.place_due_order('dead', '{pi_2}');
select pg_temp.place_due_order('open', '{pi_3}'), pg_temp.place_due_order('money', '{pi_4}'), pg_temp.place_due_order('both', '{pi_5,pi_6}');
select pg_temp.place_due_order('held open', '{pi_7}'), pg_temp.place_due_order('held paid', '{pi_8}'), pg_temp.place_due_order('quarantined', '{pi_9}');
update lapse.payments set state = 'dead', evidence = '{}', closed_at = now() where stripe_id = 'pi_2';
update lapse.payments set state = 'paid', evidence = '{}', closed_at = now() where stripe_id in ('pi_4', 'pi_5');
update lapse.orders set next_check_at = pg_temp.noon() + interval '1 day', due_since = pg_temp.noon() + interval '1 day'
where ref not in (pg_temp.ref('held open'), pg_temp.ref('held paid'), pg_temp.ref('quarantined'));
select pg_temp.begin_run('run'), pg_temp.claim('run');
select pg_temp.settle('run', array[pg_temp.decide('quarantined', 'quarantined')]);

create function pg_temp.follow(p_name text, p_paid boolean) returns text
language plpgsql
as $$
begin
  perform lapse.follow_order(pg_temp.ref(p_name), p_paid, pg_temp.noon());
  return (
    select concat_ws(' ', o.status, o.reason, 'checked ' || (o.next_check_at - pg_temp.noon())) from lapse.orders o where o.ref = pg_temp.ref(p_name)
  );
end;
$$;

select is(pg_temp.follow('bare', false), 'expired closed_by_shop', 'closed unpaid, without payments: expired');
select is(pg_temp.follow('dead', false), 'expired closed_by_shop', 'so with dead ones');
select is(pg_temp.follow('open', false), 'pending closed_by_shop checked 00:00:00', 'an open one is cancelled by the next run');
select is(pg_temp.told('open', 'due_since')::timestamptz, pg_temp.noon(), 'and the order waits from now on');
select is(pg_temp.follow('money', false), 'quarantined late_payment', 'money for it is for a person');
select is(pg_temp.follow('both', false), 'pending closed_by_shop checked 00:00:00', 'once its open payment is cancelled');
select is(pg_temp.follow('held open', false), 'expiring closed_by_shop checked 00:02:00', 'a run that holds the order cancels its payment already');
select is(pg_temp.follow('held paid', true), 'paid closed_by_shop checked 00:00:00', 'paid is paid, whichever run holds it');
select is(pg_temp.told('held paid', 'run_id'), null, 'which holds it no more');
select is(pg_temp.follow('paid', true), 'paid closed_by_shop checked 00:00:00', 'and its open payment is inspected: it paid, or it is cancelled');
select is(pg_temp.follow('quarantined', false), 'pending closed_by_shop checked 00:00:00', 'a quarantined order that the shop closes goes on');
select results_eq(
  $$ select key from lapse.alerts order by key $$,
  $$ select 'late_payment:' || pg_temp.ref(name) from unnest(array['money', 'both']) name order by 1 $$, 'alerts name the money that was late'
);

create temp table before as select pg_temp.everything() as hash;
select pg_temp.follow('bare', true), pg_temp.follow('bare', false), pg_temp.follow('paid', false), pg_temp.follow('nowhere', true);
select is(pg_temp.everything(), (select hash from before), 'a closed order stays what it is, and an unknown one needs nothing');
select throws_ok(
  format('select lapse.follow_order(%L, null)', pg_temp.ref('open')), '22023', format('Cannot follow order %s: p_paid is null', pg_temp.ref('open')),
  'whether it is paid has to be said'
);

-- The run that held an order which the shop closed meanwhile.
alter table public.orders disable trigger lapse_follows;
select public.close_order(pg_temp.id('held open'), false);
select is(
  pg_temp.settle('run', array[pg_temp.decide('held open', 'expired', array[pg_temp.said('pi_7', 'canceled')])]) -> 'outcomes', '{"expired": 1}',
  'has cancelled its payment when it settles'
);
select is(concat_ws(' ', pg_temp.told('held open', 'status'), pg_temp.told('held open', 'reason')), 'expired closed_by_shop', 'and closes it as the shop did');
select is(
  (select units_released from lapse.decisions where ref = pg_temp.ref('held open') and subject = 'order'), 0::bigint, 'without releasing anything'
);
select is((select reserved from public.inventory), 8, 'for the shop released it');

select * from finish();
rollback;
