begin;
\ir ../helpers.sql
select plan(4);

select pg_temp.place_due_order('order', '{pi_1,pi_2}');
select is(pg_temp.mark_paid('order', 'pi_1', 1000), 'paid', 'the first payment brings the whole amount');
select is_empty('select key from lapse.alerts', 'all is well');
select is(pg_temp.mark_paid('order', 'pi_2'), 'paid_twice', 'a second one is surplus even if its amount is unknown');
select results_eq(
  'select key, severity from lapse.alerts', $$ values ('paid_twice:' || pg_temp.ref('order'), 'critical') $$, 'and an alert is raised'
);

select * from finish();
rollback;
