begin;
\ir ../helpers.sql
select plan(3);

select lapse.set_functions_url('https://project.test'), lapse.set_secret('lapse_scheduler_secret', repeat('s', 32));
select pg_temp.place_due_order('order', '{pi_1}');
update lapse.orders set status = 'quarantined', next_check_at = null;
create temp table wish as select (
  lapse.resolve_order(pg_temp.ref('order'), 'expired', 'refunded by hand', 'ann', pg_temp.noon()) ->> 'runId'
)::uuid as run_id;
select lapse.begin_run(run_id, 'expire-stale-orders', 'server', p_now => pg_temp.noon()) from wish;
select lapse.finish_run(run_id, 'partial', p_now => pg_temp.noon()) from wish;
create temp table next as select lapse.continue_run(run_id, pg_temp.noon()) as run_id from wish;

select results_eq(
  'select ref collate "default", operator_word, reason, item_limit, continues from lapse.runs where id = (select run_id from next)',
  $$ select pg_temp.ref('order'), true, 'refunded by hand', 1, run_id from wish $$,
  'the continuation works on the same order, with the same operator''s word'
);
select is((select lapse.continue_run(run_id, pg_temp.noon()) from wish), run_id, 'a run has one continuation, however often it asks') from next;
select is((select count(*) from lapse.runs where continues is not null), 1::bigint, 'and there is no other');

select * from finish();
rollback;
