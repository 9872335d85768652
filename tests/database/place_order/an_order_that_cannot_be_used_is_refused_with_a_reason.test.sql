begin;
\ir ../helpers.sql
select plan(26);

insert into public.inventory (sku, on_hand) values ('tea', 100);

select throws_ok(
  format('select public.place_order(%L, 1, %L)', 'eur', items), '22023',
  'Cannot place order as p_items is not a list of sku and quantity: current value is ' || said, coalesce(items::text, 'null') || ' is refused'
)
from (values
  ('[]'::jsonb, 'array'), ('{}', 'object'), ('"tea"', 'string'), ('null', 'null'), (null, 'null')
) as bad (items, said);

select throws_ok(
  format('select public.place_order(%L, 1, %L)', 'eur', jsonb_build_array('{"sku": "tea", "quantity": 1}'::jsonb, item)), '22023',
  'Cannot place order as an item is not a sku and a whole quantity from 1 to 1000000: current value is ' || item::text,
  item::text || ' is refused'
)
from unnest(array[
  '"tea"', '{"quantity": 1}', '{"sku": null, "quantity": 1}', '{"sku": "", "quantity": 1}', '{"sku": "tea"}',
  '{"sku": "tea", "quantity": "1"}', '{"sku": "tea", "quantity": 0}', '{"sku": "tea", "quantity": -4}',
  '{"sku": "tea", "quantity": 1.5}', '{"sku": "tea", "quantity": 99999999999}'
]::jsonb[]) as item;

select throws_ok(
  format('select public.place_order(%L, %L, %L)', currency, amount, '[{"sku": "tea", "quantity": 1}]'), '22023', null, it || ' is refused'
)
from (values ('EUR', 1, 'EUR'), ('eur', -1, 'a negative amount'), ('eur', 9007199254740992, 'more than a JSON number holds'), (null, null, 'no currency and no amount'))
  as bad (currency, amount, it);

select throws_ok(
  format('select public.place_order(%L, 1, %L, %L, %L)', 'eur', '[{"sku": "tea", "quantity": 1}]', payment_method, channel), '22023',
  format('Cannot place order without a payment method and a channel: current value is %s %s', payment_method, channel), it || ' is refused'
)
from (values ('', 'web', 'no payment method'), ('card', '', 'no channel')) as bad (payment_method, channel, it);

select throws_ok(
  format('select public.place_order(%L, 1, %L, p_expires_at => %L)', 'eur', '[{"sku": "tea", "quantity": 1}]', deadline), '22023',
  'Cannot place order with a deadline more than a year ahead or ten years back: current value is ' || deadline, 'a deadline of ' || deadline || ' is refused'
)
from unnest(array['-infinity', 'infinity', '1970-01-21 00:00:00+00']::timestamptz[]) as deadline;

select is((select count(*) from public.orders), 0::bigint, 'no order was placed');
select is((select reserved from public.inventory), 0, 'no stock was reserved');

select * from finish();
rollback;
