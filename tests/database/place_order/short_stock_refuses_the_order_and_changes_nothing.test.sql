begin;
\ir ../helpers.sql
select plan(4);

insert into public.inventory (sku, on_hand) values ('tea', 10), ('cup', 1);
create temp table before as select pg_temp.everything() as hash;

select throws_ok(
  $$ select public.place_order('eur', 1, '[{"sku": "tea", "quantity": 3}, {"sku": "cup", "quantity": 2}]') $$,
  'PT409', 'Cannot reserve 2 units of cup: only 1 are left', 'one short article refuses the whole order, by name'
);
select throws_ok(
  $$ select public.place_order('eur', 1, '[{"sku": "pot", "quantity": 1}]') $$,
  'PT409', 'Cannot reserve 1 units of pot: only 0 are left', 'an article that is not on any shelf is short'
);
select throws_ok(
  $$ select public.place_order('eur', 1, '[{"sku": "tea", "quantity": 6}, {"sku": "tea", "quantity": 5}]') $$,
  'PT409', 'Cannot reserve 11 units of tea: only 10 are left', 'lines of one article are short together'
);
select is(pg_temp.everything(), (select hash from before), 'nothing was reserved, nothing was placed');

select * from finish();
rollback;
