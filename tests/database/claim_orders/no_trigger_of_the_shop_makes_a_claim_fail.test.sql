begin;
\ir ../helpers.sql
select plan(3);

-- The shop refuses every change of one of its orders.
create function pg_temp.refuse() returns trigger language plpgsql as $$ begin raise exception 'Not this one'; end $$;
create trigger refuses before update on public.orders for each row execute function pg_temp.refuse();
select pg_temp.place_due_order('with payment', '{pi_1}'), pg_temp.place_due_order('bare');
select pg_temp.begin_run('run');

select is(pg_temp.claim('run'), 1, 'a claim touches nothing of the shop');
select throws_ok($$ select pg_temp.close_without_payments('run') $$, 'P0001', 'Not this one', 'closing does');
select is(
  jsonb_array_length(lapse.claim_without_payments(pg_temp.id('run'), 1, 10, pg_temp.noon())), 1,
  'and then the orders without payments can be claimed one by one'
);

select * from finish();
rollback;
