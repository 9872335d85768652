begin;
\ir ../helpers.sql
select plan(12);

create function pg_temp.sync(p_name text, p_reason text default 'customer called', p_by text default 'ann') returns jsonb
language sql
as $$ select lapse.sync_order(p_ref => pg_temp.ref(p_name), p_reason => p_reason, p_requested_by => p_by, p_now => pg_temp.noon()) $$;

select pg_temp.place_due_order('due', '{pi_due}');
select pg_temp.place_due_order('waiting', '{pi_waiting}');
update lapse.orders set next_check_at = pg_temp.noon() + interval '6 hours', due_since = pg_temp.noon() + interval '6 hours'
where ref = pg_temp.ref('waiting');
select pg_temp.place_due_order('fresh', '{pi_fresh}', p_due_for => interval '-1 minute');
select pg_temp.place_due_order('just due', '{pi_just}', p_due_for => interval '10 seconds');
select pg_temp.place_due_order('paid', '{pi_paid}'), pg_temp.mark_paid('paid', 'pi_paid');

select throws_ok($$ select pg_temp.sync('due', ' ') $$, '22023', null, 'a reason is needed');
select throws_ok($$ select pg_temp.sync('due', 'why', '') $$, '22023', null, 'and a name');
select throws_ok($$ select pg_temp.sync('nowhere') $$, 'PT404', null, 'an unknown order is refused');
select throws_ok(
  $$ select pg_temp.sync('paid') $$, 'PT409',
  format('Cannot synchronise order %s: it is paid, neither pending nor quarantined', pg_temp.ref('paid')), 'a closed order is refused'
);
select throws_like(
  $$ select pg_temp.sync('fresh') $$, '%the customer may still pay it until 2026-11-22 12:01:00 UTC%',
  'so is one before its deadline: a run would cancel its payments'
);
select is((select count(*) from lapse.runs), 0::bigint, 'who is refused starts no run');

create temp table wish as select (pg_temp.sync('waiting') ->> 'runId')::uuid as run_id;
select results_eq(
  $$ select status, trigger, requested_by, reason, item_limit, ref collate "default", operator_word
     from lapse.runs where id = (select run_id from wish) $$,
  $$ values ('queued', 'server', 'ann', 'customer called', 1, pg_temp.ref('waiting'), false) $$,
  'a run is queued that is restricted to the order and says who asked and why'
);
select row_eq(
  $$ select next_check_at, due_since from lapse.orders where ref = pg_temp.ref('waiting') $$,
  row(pg_temp.noon() - interval '5 minutes', pg_temp.noon()), 'the order is due at once, whatever it was waiting for'
);
select pg_temp.sync('just due');
select is(
  pg_temp.told('just due', 'due_since')::timestamptz, pg_temp.noon() - interval '10 seconds', 'since when it waits stays as it was'
);
select is(
  pg_temp.told('just due', 'next_check_at')::timestamptz, pg_temp.noon() - interval '10 seconds', 'but never earlier than its deadline has passed'
);

update lapse.orders set status = 'quarantined', next_check_at = null, failures = 8 where ref = pg_temp.ref('due');
select pg_temp.sync('due');
select results_eq(
  $$ select status, failures, next_check_at, reason from lapse.orders where ref = pg_temp.ref('due') $$,
  $$ values ('pending', 0, pg_temp.noon() - interval '5 minutes', 'redriven by ann: customer called') $$,
  'a quarantined order is redriven'
);
-- A shop that cancels before the deadline makes the order due: its payments are to be cancelled now.
select lapse.follow_order(pg_temp.ref('fresh'), false, pg_temp.noon());
select lives_ok($$ select pg_temp.sync('fresh') $$, 'so is one that is due already, for whatever reason');

select * from finish();
rollback;
