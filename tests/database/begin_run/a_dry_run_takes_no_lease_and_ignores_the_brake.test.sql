begin;
\ir ../helpers.sql
select plan(7);

update lapse.settings set brake_threshold = 1;
select pg_temp.place_due_order('a', '{pi_1}');
select pg_temp.begin_run('working');
select pg_temp.place_due_order('b', '{pi_2}', p_due_for => '2 hours');
select pg_temp.place_due_order('c', p_due_for => '3 hours');
create temp table before as select (select array_agg(o) from lapse.orders o)::text as orders, (select array_agg(l) from lapse.jobs l)::text as leases;

create temp table dry as select lapse.begin_run(
  p_run_id => pg_temp.id('dry'), p_job => 'expire-stale-orders', p_trigger => 'operator', p_dry_run => true, p_now => pg_temp.noon()
) as answer;
select is((select answer ->> 'answer' from dry), 'running', 'beside a working run, over the brake''s threshold');
select is((select answer -> 'run' ->> 'dry_run' from dry), 'true', 'it knows that it is a dry run');
select is((select answer -> 'run' -> 'fence' from dry), 'null'::jsonb, 'it has no fence to change anything with');

select is(
  (select array_agg(o ->> 'ref') from jsonb_array_elements(lapse.preview_orders('expire-stale-orders', 2, pg_temp.noon())) o),
  array[pg_temp.ref('c'), pg_temp.ref('b')], 'it reads the oldest due orders, with and without payments'
);
select lapse.finish_run(pg_temp.id('dry'), 'succeeded', p_now => pg_temp.noon() + interval '3 seconds');
select row_eq(
  $$ select status, duration_ms, backlog from lapse.runs where id = pg_temp.id('dry') $$, row('succeeded'::text, 3000, 3),
  'its own row is all it leaves'
);
select results_eq(
  $$ select (select array_agg(o) from lapse.orders o)::text, (select array_agg(l) from lapse.jobs l)::text $$, 'select * from before',
  'orders and leases are as before'
);
select is((select sum(runs_total) from lapse.metrics), 0::numeric, 'and it is not in the metrics');

select * from finish();
rollback;
