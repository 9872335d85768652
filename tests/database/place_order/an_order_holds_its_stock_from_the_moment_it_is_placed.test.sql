begin;
\ir ../helpers.sql
select plan(5);

insert into public.inventory (sku, on_hand) values ('tea', 10), ('cup', 4);
select public.place_order(
  p_currency => 'eur', p_amount => 4200, p_items => '[{"sku": "tea", "quantity": 3}, {"sku": "cup", "quantity": 4}]',
  p_order_id => pg_temp.id('a'), p_now => pg_temp.noon()
);

select row_eq(
  $$ select status, currency, amount, payment_method, channel from public.orders $$,
  row('pending'::text, 'eur'::text, 4200::bigint, 'card'::text, 'web'::text), 'the order is pending, for card and web unless told otherwise'
);
select results_eq(
  $$ select sku, quantity, state from public.stock_reservations where order_id = pg_temp.id('a') order by sku $$,
  $$ values ('cup', 4, 'held'), ('tea', 3, 'held') $$, 'each article is held'
);
select results_eq(
  $$ select sku, on_hand, reserved from public.inventory order by sku $$, $$ values ('cup', 4, 4), ('tea', 10, 3) $$,
  'the inventory counts the units as reserved and keeps them on hand'
);
select lives_ok(
  $$ select public.place_order('eur', 1, '[{"sku": "tea", "quantity": 4}, {"sku": "tea", "quantity": 3.0}]') $$,
  'the very last unit can be sold; lines of one article add up, and 3.0 is 3'
);
select throws_ok(
  $$ select public.place_order('eur', 1, '[{"sku": "tea", "quantity": 1}]') $$, 'PT409', 'Cannot reserve 1 units of tea: only 0 are left',
  'and not one more'
);

select * from finish();
rollback;
