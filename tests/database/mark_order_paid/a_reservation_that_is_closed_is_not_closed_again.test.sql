begin;
\ir ../helpers.sql
select plan(3);

select pg_temp.place_due_order('sold', p_quantity => 2), pg_temp.place_due_order('open', p_quantity => 3);
select public.mark_order_paid(pg_temp.id('sold'), 'pi_1', pg_temp.noon());
select results_eq('select on_hand, reserved from public.inventory', 'values (998, 3)', 'two units are sold, three are held');

-- Nobody closes an order twice; whoever did would find nothing to close.
select is_empty(
  $$ select * from jobs.close_reservations(array[pg_temp.id('sold')], 'consumed', pg_temp.noon() + interval '1 hour') $$,
  'there is nothing to close'
);
select results_eq('select on_hand, reserved from public.inventory', 'values (998, 3)', 'and the shelves are as before');

select * from finish();
rollback;
