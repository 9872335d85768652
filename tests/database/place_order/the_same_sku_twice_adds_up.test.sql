begin;
\ir ../helpers.sql
select plan(2);

insert into public.inventory (sku, on_hand) values ('tea', 10);
select public.place_order('eur', 1, '[{"sku": "tea", "quantity": 2}, {"sku": "tea", "quantity": 5}]');

select results_eq('select sku, quantity from public.stock_reservations', $$ values ('tea', 7) $$, 'one reservation of the sum');
select results_eq('select reserved from public.inventory', 'values (7)', 'and the sum is reserved');

select * from finish();
rollback;
