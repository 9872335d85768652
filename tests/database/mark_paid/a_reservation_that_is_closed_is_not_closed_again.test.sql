begin;
\ir ../helpers.sql
select plan(3);

select pg_temp.place_due_order('sold', p_quantity => 2), pg_temp.place_due_order('open', p_quantity => 3);
select public.mark_order_paid(pg_temp.id('sold'), 'pi_1', pg_temp.noon());
select results_eq('select on_hand, reserved from public.inventory', 'values (998, 3)', 'two units are sold, three are held');

-- Nobody closes an order twice; whoever did would find nothing to close.
select jobs.close_reservations(p_now => pg_temp.noon() + interval '1 hour', p_paid => array[pg_temp.id('sold')]);
select jobs.close_reservations(p_now => pg_temp.noon() + interval '1 hour', p_expired => array[pg_temp.id('sold')]);
select results_eq('select on_hand, reserved from public.inventory', 'values (998, 3)', 'the shelves are as before');
select results_eq(
  format('select state, closed_at from public.stock_reservations where order_id = %L', pg_temp.id('sold')),
  $$ values ('consumed', pg_temp.noon()) $$, 'and the units were sold once'
);

select * from finish();
rollback;
