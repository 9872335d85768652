begin;
\ir ../helpers.sql
select plan(13);

select pg_temp.place_order('open', p_quantity => 2), pg_temp.place_order('paid', p_quantity => 3), pg_temp.place_order('expired', p_quantity => 4);
select public.close_order(pg_temp.id('paid'), true), public.close_order(pg_temp.id('expired'), false);

create function pg_temp.report(p_wait boolean) returns text
language sql
as $$
  select string_agg(concat_ws(' ', x.name, l.state, l.units), ', ' order by x.n)
  from unnest(
    array['open', 'OPEN', 'paid', 'expired', 'nowhere', '17', ''],
    array[
      pg_temp.ref('open'), upper(pg_temp.ref('open')), pg_temp.ref('paid'), pg_temp.ref('expired'), pg_temp.ref('nowhere'), '17', ''
    ]
  ) with ordinality as x (name, ref, n)
  join lapse_shop.lock_orders(array[
    pg_temp.ref('open'), upper(pg_temp.ref('open')), pg_temp.ref('paid'), pg_temp.ref('expired'), pg_temp.ref('nowhere'), '17', ''
  ], p_wait) l on l.ref = x.ref
$$;
select is(
  pg_temp.report(wait), 'open open 2, OPEN open 2, paid paid 0, expired closed 0, nowhere gone 0, 17 gone 0,  gone 0',
  'every order is reported under the ref that was asked for, ' || case when wait then 'waiting' else 'not waiting' end
)
from unnest(array[true, false]) wait;

select row_eq(
  'select ref = pg_temp.ref($$open$$), placed_at, deadline, amount, currency from lapse_shop.open_orders()',
  row(true, pg_temp.noon(), pg_temp.noon() + interval '30 minutes', 1000::bigint, 'eur'::text), 'open orders are named with what Lapse has to know'
);
select is((select count(*) from lapse_shop.open_orders(array[pg_temp.ref('open'), pg_temp.ref('paid'), '17'])), 1::bigint, 'also when asked for some');

select is(lapse_shop.revive_order(pg_temp.ref('open')), false, 'an open order needs no revival');
select is(lapse_shop.revive_order(pg_temp.ref('paid')), false, 'nor does a paid one');
select results_eq('select on_hand, reserved from public.inventory', 'values (997, 2)', 'and nothing moved');
update public.inventory set on_hand = 5;
select is(lapse_shop.revive_order(pg_temp.ref('expired')), false, 'an expired order whose articles are sold out stays expired');
update public.inventory set on_hand = 6;
select is(lapse_shop.revive_order(pg_temp.ref('expired')), true, 'one whose articles are there is paid');
select results_eq('select on_hand, reserved from public.inventory', 'values (2, 2)', 'and has its stock');
select is((select status from public.orders where id = pg_temp.id('expired')), 'paid', 'in one step');
select is(lapse_shop.revive_order(pg_temp.ref('expired')), false, 'once');
select is(lapse_shop.revive_order(pg_temp.ref('nowhere')), false, 'what does not exist is not revived');

select * from finish();
rollback;
