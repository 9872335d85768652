begin;
\ir ../helpers.sql
select plan(9);

create function pg_temp.sync(p_name text, p_reason text default 'customer called', p_by text default 'ann') returns jsonb
language sql
as $$
  select public.jobs_sync_order(
    p_order_id => pg_temp.id(p_name), p_reason => p_reason, p_requested_by => p_by, p_now => pg_temp.noon()
  )
$$;

select pg_temp.place_due_order('due', '{pi_due}');
select pg_temp.place_due_order('waiting', '{pi_waiting}');
update public.orders set next_check_at = pg_temp.noon() + interval '6 hours' where id = pg_temp.id('waiting');
select pg_temp.place_due_order('fresh', '{pi_fresh}', p_due_for => interval '-1 minute');
select pg_temp.place_due_order('paid', '{pi_paid}');
select public.mark_order_paid(pg_temp.id('paid'), 'pi_paid', pg_temp.noon());

select throws_ok($$ select pg_temp.sync('due', ' ') $$, '22023', null, 'a reason is needed');
select throws_ok($$ select pg_temp.sync('due', 'why', '') $$, '22023', null, 'and a name');
select throws_ok($$ select pg_temp.sync('nowhere') $$, 'PT404', null, 'an unknown order is refused');
select throws_ok(
  $$ select pg_temp.sync('paid') $$, 'PT409',
  format('Cannot synchronise order %s as it is neither pending nor quarantined: current value is paid', pg_temp.id('paid')),
  'a closed order is refused'
);
select throws_like(
  $$ select pg_temp.sync('fresh') $$, '%the customer may still pay it until 2026-11-22 12:01:00 UTC%',
  'so is one before its deadline: a run would end its payments'
);
select is((select count(*) from public.job_runs), 0::bigint, 'who is refused starts no run');

create temp table wish as select (pg_temp.sync('waiting') ->> 'runId')::uuid as run_id;
select results_eq(
  $$ select status, trigger, requested_by, reason, item_limit, order_id from public.job_runs where id = (select run_id from wish) $$,
  $$ values ('queued', 'server', 'ann', 'customer called', 1, pg_temp.id('waiting')) $$,
  'a run is queued that is restricted to the order and says who asked and why'
);
select is(
  (select next_check_at from public.orders where id = pg_temp.id('waiting')), pg_temp.noon(),
  'the order is due at once, whatever it was waiting for'
);

update public.orders set status = 'expiring', claimed_by = pg_temp.id('r') where id = pg_temp.id('due');
update public.orders set status = 'quarantined', claimed_by = null, next_check_at = null, failures = 8 where id = pg_temp.id('due');
select pg_temp.sync('due');
select results_eq(
  $$ select status, failures, next_check_at, status_reason from public.orders where id = pg_temp.id('due') $$,
  $$ values ('pending', 0, pg_temp.noon(), 'redriven by ann: customer called') $$,
  'a quarantined order is redriven'
);

select * from finish();
rollback;
