begin;
\ir ../helpers.sql
select plan(3);

update lapse.settings set brake_threshold = 1;
select pg_temp.place_due_order('first'), pg_temp.place_due_order('second'), pg_temp.place_due_order('third');
insert into lapse.runs (id, job, status, trigger, created_at, finished_at)
values (
  pg_temp.id('braked'), 'expire-stale-orders', 'braked', 'schedule', pg_temp.noon() - interval '1 minute', pg_temp.noon()
);
select lapse.raise_alert(
  p_key => 'brake:expire-stale-orders', p_job => 'expire-stale-orders', p_severity => 'critical', p_message => 'braked',
  p_details => jsonb_build_object('runId', pg_temp.id('braked')), p_now => pg_temp.noon()
);
prepare brake as select key from lapse.check_brake(pg_temp.noon() + interval '1 hour');
select results_eq('brake', $$values ('brake:expire-stale-orders')$$, 'the brake is on while more orders wait than it allows');

insert into lapse.runs (id, job, status, trigger, reason, brake_released_at, created_at)
values (
  pg_temp.id('released'), 'expire-stale-orders', 'running', 'operator', 'looked at', pg_temp.noon(),
  pg_temp.noon() + interval '30 minutes'
);
select is_empty('brake', 'a release covers the orders that were due before it');
update lapse.orders set due_since = pg_temp.noon() + interval '1 second';
select results_eq('brake', $$values ('brake:expire-stale-orders')$$, 'and none that fell due later');

select * from finish();
rollback;
