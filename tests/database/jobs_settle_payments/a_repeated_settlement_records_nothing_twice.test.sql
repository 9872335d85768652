begin;
\ir ../helpers.sql
\ir ../cleanup.sql
select plan(5);

select pg_temp.place_due_order('paid', '{pi_1,pi_2}');
select public.mark_order_paid(pg_temp.id('paid'), 'pi_1', pg_temp.noon());
select pg_temp.begin_cleanup('run');
select pg_temp.plan_ends('run', array[pg_temp.payment('pi_9', 'gone')]);

create temp table decisions as
  select array[
    pg_temp.payment('pi_2', 'paid') || '{"outcome": "found_dead", "reason": "already_dead"}',
    pg_temp.payment('pi_3', 'gone') || '{"outcome": "late_payment", "reason": "order_absent", "evidence": {"amount_received": 5, "currency": "eur"}}',
    pg_temp.payment('pi_4', 'gone') || jsonb_build_object('outcome', 'kept', 'reason', 'processing', 'nextLookAt', pg_temp.noon() + interval '7 days'),
    pg_temp.payment('pi_5', 'gone') || jsonb_build_object('outcome', 'deferred', 'reason', 'order_open', 'nextLookAt', pg_temp.noon()),
    pg_temp.payment('pi_9', 'gone') || '{"outcome": "canceled", "reason": "ended_by_run"}'
  ] as list;
select is(
  pg_temp.settle_payments('run', (select list from decisions)),
  '{"outcomes": {"canceled": 1, "found_dead": 1, "kept": 1, "late_payment": 1}}', 'each decision is recorded'
);
create temp table before as select count(*) as decisions from public.job_decisions;

select is(pg_temp.settle_payments('run', (select list from decisions)), '{"outcomes": {}}', 'the second time there is nothing to record');
select is((select count(*) from public.job_decisions), (select decisions from before), 'and nothing is');
select results_eq(
  $$ select payment_intents_canceled, late_payments, payments_kept from public.job_runs where id = pg_temp.id('run') $$,
  $$ values (1, 1, 1) $$, 'the counters count each once'
);
select results_eq(
  $$ select stripe_id, next_look_at from jobs.revisits order by stripe_id $$,
  $$ values ('pi_4', pg_temp.noon() + interval '7 days'), ('pi_5', pg_temp.noon() + interval '1 second') $$,
  'what is to be looked at again is on the list, and never due within the run that put it there'
);

select * from finish();
rollback;
