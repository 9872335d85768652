begin;
\ir ../helpers.sql
select plan(5);

select pg_temp.place_order('sold', p_quantity => 2), pg_temp.place_order('cancelled', p_quantity => 3), pg_temp.place_order('open', p_quantity => 4);
select public.close_order(pg_temp.id('sold'), true), public.close_order(pg_temp.id('cancelled'), false);
prepare stock as select on_hand, reserved from public.inventory;

select results_eq('stock', 'values (998, 4)', 'two units are sold, three are back, four are held');
select public.close_order(pg_temp.id(name), paid) from (values ('sold', false), ('sold', true), ('cancelled', true)) as it (name, paid);
select lapse_shop.finish_orders(array[pg_temp.ref('sold')], array[pg_temp.ref('cancelled')]);
select results_eq('stock', 'values (998, 4)', 'closing them again moves nothing');
select results_eq(
  $$ select r.state, o.status from public.stock_reservations r join public.orders o on o.id = r.order_id order by r.quantity $$,
  $$ values ('consumed', 'paid'), ('released', 'expired'), ('held', 'pending') $$, 'an order keeps what it became'
);
select throws_ok('update public.orders set ' || change, '23514', null, change)
from unnest(array['paid_at = now(), expired_at = null', $$ status = 'shipped' $$]) change;

select * from finish();
rollback;
