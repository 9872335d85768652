begin;
\ir ../helpers.sql
select plan(4);

select pg_temp.place_due_order('expired');
select pg_temp.begin_run('first');
select pg_temp.close_without_payments('first');
select is(pg_temp.mark_paid('expired', 'pi_1'), 'late_payment', 'the webhook finds a late payment');
select pg_temp.mark_paid('expired', 'pi_1');
select results_eq(
  $$ select outcome, reason, run_id from lapse.decisions where stripe_id = 'pi_1' $$,
  $$ values ('late_payment', 'order_expired', null::uuid) $$,
  'it is recorded once, and no counter was touched in the shop''s transaction'
);

select lapse.finish_run(pg_temp.id('first'), 'succeeded', p_now => pg_temp.noon());
select pg_temp.begin_run('second');
select pg_temp.mark_paid('expired', 'pi_1');
select lapse.finish_run(pg_temp.id('second'), 'succeeded', p_now => pg_temp.noon());
select pg_temp.begin_run('third');
select results_eq(
  $$ select r.late_payments, m.late_payments_total, d.late_payments
     from lapse.runs r
     join lapse.metrics m using (job)
     join lapse.metrics_daily d using (job)
     where r.id = pg_temp.id('second') $$,
  $$ values (1::bigint, 1::bigint, 1::bigint) $$,
  'the next run counts it, for itself, its job and the day, and no other does'
);
select is_empty(
  $$ select lapse.miscounted_runs(pg_temp.noon() - interval '1 hour') $$, 'counters equal the decisions they count'
);

select * from finish();
rollback;
