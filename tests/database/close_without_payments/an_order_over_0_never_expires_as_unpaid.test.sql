begin;
\ir ../helpers.sql
select plan(5);

-- Free, or paid in full by a gift card: nobody failed to pay it.
select pg_temp.place_order('free', pg_temp.noon() - interval '2 hours', p_amount => 0, p_quantity => 2);
select pg_temp.place_order('open amount', pg_temp.noon() - interval '2 hours', p_quantity => 3);
select lapse.fold_inbox(p_now => pg_temp.noon()), pg_temp.cursors_at(pg_temp.noon());
update lapse.orders set amount = null, currency = null where ref = pg_temp.ref('open amount');
select pg_temp.begin_run('run');

select is(
  pg_temp.close_without_payments('run'), '{"expired": 1, "unitsReleased": 3, "moved": 2}', 'an amount of nothing is another thing than none known'
);
select is(pg_temp.told('free', 'status') || ', ' || pg_temp.told('free', 'reason'), 'quarantined, nothing_to_pay', 'a person decides about it');
select is((select status from public.orders where id = pg_temp.id('free')), 'pending', 'it is still open in the shop');
select is((select reserved from public.inventory), 2, 'and keeps its stock');
select results_eq(
  $$ select outcome, reason from lapse.decisions where ref = pg_temp.ref('free') $$, $$ values ('quarantined', 'nothing_to_pay') $$,
  'with a decision that says why'
);

select * from finish();
rollback;
