begin;
\ir ../helpers.sql
select plan(7);

create function pg_temp.answer(p_name text) returns text
language sql
as $$
  select lapse.begin_run(p_run_id => pg_temp.id(p_name), p_job => 'expire-stale-orders', p_trigger => 'server', p_now => pg_temp.noon())
    ->> 'answer'
$$;
prepare adapter_alert as select count(*), max(resolved_at) from lapse.alerts where key = 'adapter' group by key;

create or replace function lapse_shop.contract_version() returns integer language sql immutable as 'select 2';
select is(pg_temp.answer('newer'), 'failed', 'an adapter for another version of the contract');
select is(
  (select r.error from lapse.runs r where r.id = pg_temp.id('newer')), lapse.adapter_problem(), 'the run says what is wrong with it'
);
select results_eq('adapter_alert', 'values (1::bigint, null::timestamptz)', 'and so does an alert');

drop function lapse_shop.contract_version();
select is(pg_temp.answer('none'), 'failed', 'no adapter');
select is((select run_id from lapse.jobs where job = 'expire-stale-orders'), null, 'no lease is held');

create function lapse_shop.contract_version() returns integer language sql immutable as 'select 1';
select is(pg_temp.answer('now'), 'running', 'once there is one, runs work');
select results_eq('adapter_alert', 'values (1::bigint, pg_temp.noon())', 'and the alert is resolved');

select * from finish();
rollback;
