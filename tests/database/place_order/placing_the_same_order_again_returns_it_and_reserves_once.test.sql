begin;
\ir ../helpers.sql
select plan(7);

insert into public.inventory (sku, on_hand) values ('tea', 3), ('cup', 3);
prepare place as select id, expires_at from public.place_order(
  'eur', 1000, '[{"sku": "tea", "quantity": 2}]', p_order_id => pg_temp.id('a'), p_now => pg_temp.noon()
);
prepare place_later as select id, expires_at from public.place_order(
  'eur', 1000, '[{"sku": "tea", "quantity": 1}, {"sku": "tea", "quantity": 1}]', p_order_id => pg_temp.id('a'),
  p_now => pg_temp.noon() + interval '10 minutes'
);
create temp table first as execute place;

select results_eq('place_later', 'select * from first', 'the second call answers the order of the first, its deadline unchanged');
select results_eq($$ select reserved from public.inventory where sku = 'tea' $$, 'values (2)', 'its stock is reserved once');

select throws_ok(
  format('select public.place_order(%L, %L, %L, p_order_id => %L)', currency, amount, items, pg_temp.id('a')), 'PT409',
  format('Cannot place order %s again: %s', pg_temp.id('a'), why), it || ' under the same id is refused'
)
from (values
  ('eur', 1001, '[{"sku": "tea", "quantity": 2}]', 'it is over 1000 eur', 'another amount'),
  ('usd', 1000, '[{"sku": "tea", "quantity": 2}]', 'it is over 1000 eur', 'another currency'),
  ('eur', 1000, '[{"sku": "tea", "quantity": 1}]', 'it has other articles', 'another quantity'),
  ('eur', 1000, '[{"sku": "cup", "quantity": 2}]', 'it has other articles', 'another article'),
  ('eur', 1000, '[{"sku": "tea", "quantity": 2}, {"sku": "cup", "quantity": 1}]', 'it has other articles', 'one article more')
) as bad (currency, amount, items, why, it);

select * from finish();
rollback;
