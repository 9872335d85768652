begin;
\ir ../helpers.sql
select plan(5);

insert into public.inventory (sku, on_hand) values ('tea', 3);
prepare place as select id, expires_at from public.place_order(
  'eur', 1000, '[{"sku": "tea", "quantity": 2}]', p_order_id => pg_temp.id('a'), p_now => pg_temp.noon()
);
prepare place_later as select id, expires_at from public.place_order(
  'eur', 1000, '[{"sku": "tea", "quantity": 2}]', p_order_id => pg_temp.id('a'), p_now => pg_temp.noon() + interval '10 minutes'
);
create temp table first as execute place;

select results_eq('place_later', 'select * from first', 'the second call returns the order of the first, its deadline unchanged');
select results_eq('select reserved from public.inventory', 'values (2)', 'its stock is reserved once');

select throws_ok(
  $$ select public.place_order('eur', 1001, '[{"sku": "tea", "quantity": 2}]', p_order_id => pg_temp.id('a')) $$,
  'PT409', format('Cannot place order %s again as its amount or currency differs: current value is 1000 eur', pg_temp.id('a')),
  'another amount under the same id is refused'
);
select throws_ok(
  $$ select public.place_order('usd', 1000, '[{"sku": "tea", "quantity": 2}]', p_order_id => pg_temp.id('a')) $$,
  'PT409', null, 'and so is another currency'
);
select throws_ok(
  $$ select public.place_order(null, 1000, '[{"sku": "tea", "quantity": 2}]', p_order_id => pg_temp.id('a')) $$,
  'PT409', null, 'and no currency at all'
);

select * from finish();
rollback;
