begin;
\ir ../helpers.sql
select plan(9);

select pg_temp.place_order('a', p_quantity => 2), pg_temp.place_order('b', p_quantity => 3), pg_temp.place_order('c', p_quantity => 4);
select lapse.finish_shop_orders(array[pg_temp.ref('a')], array[pg_temp.ref('b')]);
select results_eq(
  'select status from public.orders order by id = pg_temp.id($$a$$) desc, id = pg_temp.id($$b$$) desc', $$ values ('expired'), ('paid'), ('pending') $$,
  'orders are closed as asked'
);
select results_eq('select on_hand, reserved from public.inventory', 'values (997, 4)', 'with their stock');
select is((select count(*) from lapse.inbox where kind = 'follow'), 0::bigint, 'and Lapse''s own triggers stay quiet');
select lives_ok(format('select lapse.finish_shop_orders(array[%L], array[%L])', pg_temp.ref('a'), pg_temp.ref('b')), 'a second time is harmless');
select results_eq('select on_hand, reserved from public.inventory', 'values (997, 4)', 'and moves nothing');

create function pg_temp.finish(p_expired text[], p_paid text[]) returns text
language plpgsql
as $$
declare
  v_detail text;
begin
  perform lapse.finish_shop_orders(p_expired, p_paid);
  return 'done';
exception when sqlstate 'LP002' then
  get stacked diagnostics v_detail = pg_exception_detail;
  return v_detail;
end;
$$;
select is(
  pg_temp.finish(array[pg_temp.ref('b'), pg_temp.ref('c')], array[pg_temp.ref('a'), pg_temp.ref('nowhere')])::jsonb,
  to_jsonb(array(select pg_temp.ref(name) from unnest(array['a', 'b', 'nowhere']) name order by 1)),
  'an order that came back in another state than asked is refused by name: one that the shop had expired or sold, one that is not there'
);
select is((select status from public.orders where id = pg_temp.id('c')), 'pending', 'together with those of the same call');
delete from public.stock_reservations where order_id = pg_temp.id('c');
delete from public.orders where id = pg_temp.id('c');
select is(pg_temp.finish(array[pg_temp.ref('c')], '{}'), 'done', 'an order that the shop deleted needs no closing');
select is(
  coalesce(current_setting('lapse.settling', true), '') || current_setting('lock_timeout'), '0', 'nothing of it stays in the transaction'
);

select * from finish();
rollback;
