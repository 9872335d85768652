begin;
\ir ../helpers.sql
select plan(9);

update lapse.settings set max_attempts = 2;
select pg_temp.place_due_order('killer', '{pi_1}', p_quantity => 3);
prepare killer as select status, attempt, failures from lapse.orders where ref = pg_temp.ref('killer');

select pg_temp.begin_run('first'), pg_temp.claim('first');
select is(pg_temp.claim('first', pg_temp.noon() + interval '1 minute'), 0, 'a claim that holds is not taken');

select pg_temp.begin_run('second', pg_temp.noon() + interval '1 hour'), pg_temp.cursors_at(pg_temp.noon() + interval '1 hour');
select is(pg_temp.claim('second', pg_temp.noon() + interval '1 hour'), 1, 'a claim that lapsed is');
select results_eq('killer', $$ values ('expiring', 2, 1) $$, 'and counts as a failed attempt');

select pg_temp.begin_run('third', pg_temp.noon() + interval '2 hours'), pg_temp.cursors_at(pg_temp.noon() + interval '2 hours');
select is(pg_temp.claim('third', pg_temp.noon() + interval '2 hours'), 0, 'after the last attempt the order is not claimed');
select results_eq('killer', $$ values ('quarantined', 3, 2) $$, 'it is quarantined');
select results_eq(
  $$ select outcome, reason, run_id from lapse.decisions $$,
  $$ values ('quarantined', 'claim_lapsed', pg_temp.id('third')) $$, 'a decision says why'
);
select results_eq(
  $$ select orders_quarantined from lapse.runs where id = pg_temp.id('third') $$, 'values (1::bigint)', 'and is counted'
);
select results_eq('select state, quantity from public.stock_reservations', $$ values ('held', 3) $$, 'its stock stays held');
select is(pg_temp.claim('third', pg_temp.noon() + interval '1 year'), 0, 'it is never retried automatically');

select * from finish();
rollback;
