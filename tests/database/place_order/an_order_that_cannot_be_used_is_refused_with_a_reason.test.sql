begin;
\ir ../helpers.sql
select plan(26);

insert into public.inventory (sku, on_hand) values ('tea', 100);

select throws_ok(
  format('select public.place_order(%L, 1, %L)', 'eur', items), '22023', 'Cannot place the order: p_items is not a list of articles',
  coalesce(items::text, 'null') || ' is refused'
)
from unnest(array['[]', '{}', '"tea"', 'null', null]::jsonb[]) as items;

select throws_ok(
  format('select public.place_order(%L, 1, %L)', 'eur', jsonb_build_array('{"sku": "tea", "quantity": 1}'::jsonb, item)), '22023',
  format('Cannot place the order: %s is not a sku with a whole quantity from 1 to 1000000', item), item::text || ' is refused'
)
from unnest(array[
  '"tea"', '{"quantity": 1}', '{"sku": null, "quantity": 1}', '{"sku": "", "quantity": 1}', '{"sku": "tea"}',
  '{"sku": "tea", "quantity": "1"}', '{"sku": "tea", "quantity": 0}', '{"sku": "tea", "quantity": -4}',
  '{"sku": "tea", "quantity": 1.5}', '{"sku": "tea", "quantity": 99999999999}'
]::jsonb[]) as item;

select throws_ok(
  format('select public.place_order(%L, %L, %L)', currency, amount, '[{"sku": "tea", "quantity": 1}]'), '22023',
  'Cannot place the order: ' || why, it || ' is refused'
)
from (values
  ('EUR', 1, 'EUR is not an ISO code in lower case', 'EUR'), (null, 1, 'null is not an ISO code in lower case', 'no currency'),
  ('eur', -1, 'its amount is -1', 'a negative amount'), ('eur', null, 'its amount is null', 'no amount')
) as bad (currency, amount, why, it);

select throws_ok(
  format('select public.place_order(%L, 1, %L, %L, %L)', 'eur', '[{"sku": "tea", "quantity": 1}]', payment_method, channel), '22023',
  'Cannot place the order: it needs a payment method and a channel', it || ' is refused'
)
from (values ('', 'web', 'no payment method'), ('card', '', 'no channel')) as bad (payment_method, channel, it);

select throws_ok(
  format('select public.place_order(%L, 1, %L, p_expires_at => %L)', 'eur', '[{"sku": "tea", "quantity": 1}]', deadline), '22023',
  format('Cannot place the order: its deadline %s is years away', deadline), 'a deadline of ' || deadline || ' is refused'
)
from unnest(array['-infinity', 'infinity', '1970-01-21 00:00:00+00']::timestamptz[]) as deadline;

select is((select count(*) from public.orders), 0::bigint, 'no order was placed');
select is((select reserved from public.inventory), 0, 'no stock was reserved');

select * from finish();
rollback;
