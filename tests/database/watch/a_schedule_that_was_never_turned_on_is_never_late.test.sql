begin;
\ir ../helpers.sql
select plan(2);

prepare late as select job from lapse.run_lateness(pg_temp.noon()) order by job;
select results_eq(
  'late', $$values ('cleanup-stale-payment-intents'), ('expire-stale-orders')$$, 'both schedules are turned on'
);
update lapse.schedules set enabled_at = null, active = false where true;
select is_empty('late', 'a schedule that was never turned on is not judged');

select * from finish();
rollback;
