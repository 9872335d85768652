begin;
\ir ../helpers.sql
select plan(5);

select pg_temp.place_due_order('a', p_quantity => 10);

select throws_ok('update public.inventory set on_hand = 9', '23514', null, 'goods that are reserved cannot be counted away');
select lives_ok('update public.inventory set on_hand = 10', 'goods that are not, can');
select throws_ok('update public.inventory set reserved = -1', '23514', null, 'less than nothing cannot be reserved');
select throws_ok($$ insert into public.inventory (sku, on_hand) values ('cup', -1) $$, '23514', null, 'nor be on hand');
select throws_ok(
  $$ insert into public.stock_reservations (order_id, sku, quantity) select id, 'pot', 1 from public.orders $$, '23503', null,
  'what has no shelf cannot be reserved'
);

select * from finish();
rollback;
