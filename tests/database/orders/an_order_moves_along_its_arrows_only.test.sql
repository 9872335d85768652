begin;
\ir ../helpers.sql
select plan(4);

select pg_temp.place_due_order('pending', '{pi_1}', p_due_for => '-1 hour');
select pg_temp.place_due_order('quarantined', '{pi_2}');
select pg_temp.begin_run('run'), pg_temp.claim('run');
select pg_temp.settle('run', array[pg_temp.decide('quarantined', 'quarantined', array[pg_temp.said('pi_2', 'found_dead')])]);

select throws_ok(
  format('update public.orders set status = %L where id = %L', target, pg_temp.id(name)), '23001',
  format('Cannot make order %s as no order moves there from where it is: current value is %s', target, name),
  format('from %s not to %s', name, target)
)
from (values ('pending', 'quarantined'), ('quarantined', 'expiring'), ('quarantined', 'expired')) as it (name, target);
select throws_ok(
  $$ update public.orders set status = 'shipped' $$, '23514', null, 'a status the design does not know is refused'
);

select * from finish();
rollback;
