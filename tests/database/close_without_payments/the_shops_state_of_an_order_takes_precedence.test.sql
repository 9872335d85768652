begin;
\ir ../helpers.sql
select plan(17);

-- The shop closed three of them, and none of its triggers told; one names a payment; one names a payment of another order.
select pg_temp.place_due_order('cancelled'), pg_temp.place_due_order('paid in cash'), pg_temp.place_due_order('deleted');
select pg_temp.place_due_order('names a payment'), pg_temp.place_due_order('names another''s'), pg_temp.place_due_order('has it', '{pi_theirs}');
select pg_temp.place_due_order('open', p_quantity => 7), pg_temp.place_due_order('held');
alter table public.orders disable trigger lapse_follows;
update public.orders set status = 'expired', expired_at = pg_temp.noon() where id = pg_temp.id('cancelled');
update public.orders set status = 'paid', paid_at = pg_temp.noon() where id = pg_temp.id('paid in cash');
delete from public.stock_reservations where order_id = pg_temp.id('deleted');
delete from public.orders where id = pg_temp.id('deleted');
alter function lapse_shop.lock_orders(text[], boolean) rename to lock_orders_without_ids;
create function lapse_shop.lock_orders(p_refs text[], p_wait boolean)
returns table (ref text, state text, units bigint, stripe_ids text[])
language sql
as $$
  select l.ref, l.state, l.units, case l.ref
    when pg_temp.ref('names a payment') then '{pi_named}'::text[] when pg_temp.ref('names another''s') then '{pi_theirs}' else '{}'
  end
  from lapse_shop.lock_orders_without_ids(p_refs, p_wait) l
  where l.ref <> pg_temp.ref('held')
$$;
create temp table finished (expired text[], paid text[]);
alter function lapse_shop.finish_orders(text[], text[]) rename to finish_orders_unlogged;
create function lapse_shop.finish_orders(p_expired text[], p_paid text[]) returns void
language sql
as $$
  insert into finished values (p_expired, p_paid);
  select lapse_shop.finish_orders_unlogged(p_expired, p_paid);
$$;
select pg_temp.begin_run('run');

select is(
  pg_temp.close_without_payments('run'), '{"expired": 3, "unitsReleased": 7, "moved": 7}',
  'only the open one that names nothing gives its stock back'
);
select results_eq(
  'select * from finished', $$ values (array[pg_temp.ref('open')], '{}'::text[]) $$, 'the shop is asked to close the orders that it reported as open, and no others'
);
select is(pg_temp.told('open', 'reason'), 'no_payment', 'it was never paid for');
select is(
  pg_temp.told('held', 'next_check_at')::timestamptz, pg_temp.noon() + interval '1 minute', 'a locked one is checked again in a minute'
);
select is(pg_temp.told('held', 'due_since')::timestamptz, pg_temp.noon() - interval '1 hour', 'and has waited for as long as it has');
select is((select count(*) from lapse.decisions where ref = pg_temp.ref('held')), 0::bigint, 'which is no decision');
select is(
  pg_temp.told('cancelled', 'status') || ', ' || pg_temp.told('cancelled', 'reason'), 'expired, closed_by_shop', 'what the shop cancelled is followed'
);
select is(pg_temp.told('deleted', 'status'), 'expired', 'so is what it deleted');
select is(
  pg_temp.told('paid in cash', 'status') || ', ' || pg_temp.told('paid in cash', 'reason'), 'paid, closed_by_shop', 'and what was paid in another way'
);
select is((select status from public.orders where id = pg_temp.id('paid in cash')), 'paid', 'nothing of it moves in the shop again');
select row_eq($$ select orders_expired, orders_paid, stock_released from lapse.runs $$, row(3::bigint, 1::bigint, 7::bigint), 'each is counted');

select is(pg_temp.told('names a payment', 'status'), 'pending', 'an order whose row names a payment stays open');
select results_eq(
  $$ select stripe_id collate "default", source from lapse.payments where ref = pg_temp.ref('names a payment') $$, $$ values ('pi_named', 'server') $$,
  'and gets that payment'
);
select is(pg_temp.claim('run'), 2, 'with which it is claimed, like the one that had a payment from the beginning');
select is(
  pg_temp.told('names another''s', 'status') || ', ' || pg_temp.told('names another''s', 'reason'), 'quarantined, foreign_payment',
  'one that names a payment of another order is for a person'
);
select is(pg_temp.close_without_payments('run'), '{"expired": 0, "unitsReleased": 0, "moved": 0}', 'and there is nothing left to do');
select is((select sum(quantity) from public.stock_reservations where state = 'held'), 6::bigint, 'the others hold what they held');

select * from finish();
rollback;
