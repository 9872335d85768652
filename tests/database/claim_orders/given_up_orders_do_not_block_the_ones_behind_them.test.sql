begin;
\ir ../helpers.sql
select plan(6);

update lapse.settings set max_attempts = 1;
select pg_temp.place_due_order('hopeless ' || n, array['pi_' || n], p_due_for => '1 day') from generate_series(1, 5) n;
select pg_temp.begin_run('first'), pg_temp.claim('first');
select pg_temp.place_due_order('good', '{pi_9}', p_due_for => '-30 minutes'), pg_temp.cursors_at(pg_temp.noon() + interval '1 hour');

select pg_temp.begin_run('second', pg_temp.noon() + interval '1 hour');
create temp table claimed as
  select lapse.claim_orders(pg_temp.id('second'), 2, 2, pg_temp.noon() + interval '1 hour') as orders;
select is((select jsonb_array_length(orders) from claimed), 1, 'two claims of hopeless orders alone are followed by a third');
select is((select orders -> 0 ->> 'ref' from claimed), pg_temp.ref('good'), 'which brings the good one behind them');
select results_eq(
  $$ select status, count(*)::int from lapse.orders group by status order by status $$,
  $$ values ('expiring', 1), ('quarantined', 5) $$, 'the hopeless ones are quarantined on the way'
);
select is(
  (select orders_quarantined from lapse.runs where id = pg_temp.id('second')), 5::bigint, 'and counted'
);
select is(
  (select count(*)::int from lapse.decisions where reason = 'claim_lapsed'), 5, 'each with a decision of its own'
);
select is(pg_temp.claim('second', pg_temp.noon() + interval '1 hour'), 0, 'an empty claim says that nothing is due');

select * from finish();
rollback;
