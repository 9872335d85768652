begin;
\ir ../helpers.sql
select plan(6);

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

-- A revival is a decision about the order, too.
update lapse.settings set late_payments = 'revive_or_alert' where only_row;
select is(pg_temp.mark_paid('expired', 'pi_1'), 'revived', 'the webhook revives the order');
select pg_temp.mark_paid('expired', 'pi_1');
select lapse.finish_run(pg_temp.id('third'), 'succeeded', p_now => pg_temp.noon());
select pg_temp.begin_run('fourth');
select results_eq(
  $$ select d.outcome, d.reason, r.orders_paid, r.late_payments, m.orders_paid_total, m.late_payments_total, y.orders_paid
     from lapse.decisions d
     join lapse.runs r on r.id = d.run_id
     join lapse.metrics m on m.job = r.job
     join lapse.metrics_daily y on y.job = r.job
     where d.ref = pg_temp.ref('expired') and d.reason = 'revived' $$,
  $$ values ('paid', 'revived', 1::bigint, 0::bigint, 1::bigint, 1::bigint, 1::bigint) $$, 'the next run counts that, once'
);
select is_empty(
  $$ select lapse.miscounted_runs(pg_temp.noon() - interval '1 hour') $$, 'counters equal the decisions they count'
);

select * from finish();
rollback;
