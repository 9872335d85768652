begin;
\ir ../helpers.sql
select plan(7);

update jobs.settings set brake_threshold = 1;
select pg_temp.place_due_order('a', '{pi_1}');
select pg_temp.begin_run('working');
select pg_temp.place_due_order('b', '{pi_2}', p_due_for => '2 hours');
select pg_temp.place_due_order('c', p_due_for => '3 hours');
create temp table before as select (select array_agg(o) from public.orders o)::text as orders, (select array_agg(l) from jobs.leases l)::text as leases;

create temp table dry as select public.jobs_begin_run(
  p_run_id => pg_temp.id('dry'), p_job => 'expire-stale-orders', p_trigger => 'operator', p_dry_run => true, p_now => pg_temp.noon()
) as answer;
select is((select answer ->> 'answer' from dry), 'running', 'beside a working run, over the brake''s threshold');
select is((select answer -> 'run' ->> 'dry_run' from dry), 'true', 'it knows that it is a dry run');
select is((select answer -> 'run' -> 'fence' from dry), 'null'::jsonb, 'it has no fence to change anything with');

select is(
  (select array_agg(o ->> 'id') from jsonb_array_elements(public.jobs_preview_orders(2, pg_temp.noon())) o),
  array[pg_temp.id('c')::text, pg_temp.id('b')::text], 'it reads the oldest due orders, with and without payments'
);
select public.jobs_finish_run(pg_temp.id('dry'), 'succeeded', p_now => pg_temp.noon() + interval '3 seconds');
select row_eq(
  $$ select status, duration_ms, backlog from public.job_runs where id = pg_temp.id('dry') $$, row('succeeded'::text, 3000, 3),
  'its own row is all it leaves'
);
select results_eq(
  $$ select (select array_agg(o) from public.orders o)::text, (select array_agg(l) from jobs.leases l)::text $$, 'select * from before',
  'orders and leases are as before'
);
select is((select sum(runs_total) from public.job_metrics), 0::numeric, 'and it is not in the metrics');

select * from finish();
rollback;
