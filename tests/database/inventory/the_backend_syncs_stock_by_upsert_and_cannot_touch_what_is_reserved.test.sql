begin;
\ir ../helpers.sql
select plan(6);

select pg_temp.place_due_order('first', p_quantity => 3);
set local role service_role;

-- as PostgREST writes an upsert: every column of the row, the key included
select lives_ok(
  $$ insert into public.inventory (sku, on_hand) values ('tea', 50), ('cup', 5)
     on conflict (sku) do update set sku = excluded.sku, on_hand = excluded.on_hand $$,
  'known and new articles in one upsert'
);
select results_eq(
  'select sku, on_hand, reserved from public.inventory order by sku', $$ values ('cup', 5, 0), ('tea', 50, 3) $$, 'what is reserved stays'
);
select throws_ok($$ update public.inventory set reserved = 0 $$, '42501', null, 'reserved cannot be written');
select throws_ok($$ insert into public.inventory (sku, on_hand, reserved) values ('pot', 5, 5) $$, '42501', null, 'not for a new article either');
select throws_ok($$ update public.orders set status = 'paid' $$, '42501', null, 'nor can an order');
select throws_ok($$ delete from public.stock_reservations $$, '42501', null, 'nor a reservation');
reset role;

select * from finish();
rollback;
