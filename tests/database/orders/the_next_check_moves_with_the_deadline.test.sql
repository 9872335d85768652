begin;
\ir ../helpers.sql
select plan(12);

create function pg_temp.due(p_name text) returns text
language sql
as $$
  select format('%s, since %s, %s', o.next_check_at - pg_temp.noon(), o.due_since - pg_temp.noon(), o.status)
  from lapse.orders o where o.ref = pg_temp.ref(p_name)
$$;
create function pg_temp.move(p_name text, p_by interval, p_column text default 'deadline') returns text
language plpgsql
as $$
begin
  execute format('update lapse.orders set %I = pg_temp.noon() + %L where ref = %L', p_column, p_by, pg_temp.ref(p_name));
  return pg_temp.due(p_name);
end;
$$;

select pg_temp.place_due_order('fresh', p_due_for => '-1 hour');
select is(pg_temp.due('fresh'), '01:00:00, since 01:00:00, pending', 'an order is due after its deadline and the grace');
select is(pg_temp.move('fresh', '2 hours'), '02:02:00, since 02:02:00, pending', 'a later deadline postpones it');
select is(pg_temp.move('fresh', '1 hour'), '01:02:00, since 01:02:00, pending', 'an earlier one brings it forward');
select is(pg_temp.move('fresh', '3 hours', 'hold_until'), '03:02:00, since 03:02:00, pending', 'a voucher postpones it beyond the deadline');
select is(pg_temp.move('fresh', '2 hours'), '03:02:00, since 03:02:00, pending', 'and holds while the deadline moves below it');

select pg_temp.place_due_order('rechecked');
update lapse.orders set looks = 1, next_check_at = pg_temp.noon() + interval '1 day' where ref = pg_temp.ref('rechecked');
select is(pg_temp.move('rechecked', '1 hour'), '1 day, since 01:02:00, pending', 'a recheck that a decision set is not brought forward');
select is(pg_temp.move('rechecked', '2 days'), '2 days 00:02:00, since 2 days 00:02:00, pending', 'but postponed');

select pg_temp.place_due_order('held', '{pi_1}'), pg_temp.place_due_order('extended', '{pi_2}'), pg_temp.place_due_order('quarantined', '{pi_3}');
select pg_temp.begin_run('run'), pg_temp.claim('run');
select pg_temp.settle('run', array[pg_temp.decide('quarantined', 'quarantined')]);
select is(
  pg_temp.move('held', '-30 minutes'), '00:02:00, since -00:28:00, expiring', 'a deadline that has still passed leaves the order to its run'
);
select is(pg_temp.move('extended', '1 hour'), '01:02:00, since 01:02:00, pending', 'one ahead takes it from the run, so that the customer can pay');
select is(pg_temp.told('extended', 'run_id'), null, 'which holds it no more');
select is(
  pg_temp.settle('run', array[pg_temp.decide('extended', 'expired', array[pg_temp.said('pi_2', 'canceled')])]) ->> 'superseded', '1',
  'and closes nothing'
);
select is(pg_temp.told('quarantined', 'next_check_at'), null, 'a quarantined order waits for nothing but a person');

select * from finish();
rollback;
