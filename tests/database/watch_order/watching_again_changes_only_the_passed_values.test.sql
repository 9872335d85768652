begin;
\ir ../helpers.sql
select plan(12);

create function pg_temp.now_known(p_name text) returns text
language sql
as $$
  select concat_ws(' ', o.status, o.amount, o.currency, o.deadline - pg_temp.noon(), o.method) from lapse.orders o where o.ref = pg_temp.ref(p_name)
$$;
create function pg_temp.watch(
  p_name text, p_amount bigint default null, p_deadline interval default null, p_method text default null, p_currency text default 'eur'
) returns text
language plpgsql
as $$
begin
  perform lapse.watch_order(
    p_ref => pg_temp.ref(p_name), p_amount => p_amount, p_currency => p_currency, p_deadline => pg_temp.noon() + p_deadline,
    p_method => p_method, p_now => pg_temp.noon()
  );
  return pg_temp.now_known(p_name);
end;
$$;

select is(pg_temp.watch('a', 1000, '1 hour'), 'pending 1000 eur 01:00:00', 'an order that is not in the shop yet');
select is(pg_temp.watch('a', p_deadline => '2 hours'), 'pending 1000 eur 02:00:00', 'a new deadline');
select is(pg_temp.watch('a', 900), 'pending 900 eur 02:00:00', 'a new amount');
select is(pg_temp.watch('a', 70000, p_currency => 'jpy'), 'pending 70000 jpy 02:00:00', 'another currency');
select is(pg_temp.watch('a'), 'pending 70000 jpy 02:00:00', 'nothing new changes nothing');
select is(
  pg_temp.watch('a', p_method => 'oxxo'), 'pending 70000 jpy 7 days oxxo', 'another method and no deadline: the policy of that method counts'
);
select is(pg_temp.watch('a', p_method => 'oxxo', p_deadline => '1 day'), 'pending 70000 jpy 1 day oxxo', 'unless the shop says otherwise');

select pg_temp.place_due_order('expiring', '{pi_1}'), pg_temp.place_due_order('quarantined', '{pi_2}'), pg_temp.place_due_order('paid');
select pg_temp.begin_run('run'), pg_temp.claim('run');
select pg_temp.settle('run', array[pg_temp.decide('quarantined', 'quarantined')]);
select pg_temp.mark_paid('paid', 'pi_3');
select is(pg_temp.watch('expiring', 900), 'expiring 900 eur -01:02:00 card', 'an amount that changes while a run holds the order is followed');
select is(
  pg_temp.watch('expiring', p_deadline => '1 hour'), 'pending 900 eur 01:00:00 card', 'and so is a deadline: the run holds the order no more'
);
select is(pg_temp.watch('quarantined', 800, '1 hour'), 'quarantined 800 eur 01:00:00 card', 'a quarantined order stays quarantined');
select is(pg_temp.watch('paid', 1, '1 hour'), 'paid 1000 eur -01:02:00 card', 'a closed order stays as it was');
select lapse.watch_order(p_ref => upper(pg_temp.ref('paid')), p_now => pg_temp.noon());
select is((select count(*) from lapse.orders where ref ~ '[A-F]'), 0::bigint, 'a uuid in capitals is the same uuid');

select * from finish();
rollback;
