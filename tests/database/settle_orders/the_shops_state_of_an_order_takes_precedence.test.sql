begin;
\ir ../helpers.sql
select plan(17);

-- The run found every payment dead. Meanwhile the shop closed three orders (its triggers told nothing), holds one, moved a deadline, noted a
-- payment, and noted a payment of another order; one costs nothing.
create function pg_temp.all_dead(p_name text) returns jsonb
language sql
as $$ select pg_temp.decide(p_name, 'expired', array[pg_temp.said('pi_' || replace(p_name, ' ', '_'), 'canceled')], 'all_dead') $$;
select pg_temp.place_due_order(name, array['pi_' || replace(name, ' ', '_')], p_quantity => 2)
from unnest('{open,cancelled,cash,deleted,held,moved,named,foreign,free,theirs}'::text[]) name;
update lapse.orders set amount = 0 where ref = pg_temp.ref('free');
select pg_temp.begin_run('run'), pg_temp.claim('run');
alter table public.orders disable trigger lapse_follows;
update public.orders set status = 'expired', expired_at = pg_temp.noon() where id = pg_temp.id('cancelled');
update public.orders set status = 'paid', paid_at = pg_temp.noon() where id = pg_temp.id('cash');
delete from public.stock_reservations where order_id = pg_temp.id('deleted');
delete from public.orders where id = pg_temp.id('deleted');
update public.orders set expires_at = pg_temp.noon() - interval '1 minute' where id = pg_temp.id('moved');
alter function lapse_shop.lock_orders(text[], boolean) rename to lock_orders_without_ids;
create function lapse_shop.lock_orders(p_refs text[], p_wait boolean)
returns table (ref text, state text, units bigint, stripe_ids text[])
language sql
as $$
  select l.ref, l.state, l.units, case l.ref
    when pg_temp.ref('named') then '{pi_new}'::text[] when pg_temp.ref('foreign') then '{pi_theirs}' else '{}'
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

select is(
  pg_temp.settled('run', array(
    select pg_temp.all_dead(name) from unnest('{open,cancelled,cash,deleted,held,moved,named,foreign,free}'::text[]) name
  )),
  '{"outcomes": {"expired": 3, "paid": 1, "handed_back": 3, "retry": 1, "quarantined": 1}, "superseded": 0}', 'each order is decided by both'
);
create function pg_temp.stands(p_name text) returns text
language sql
as $$ select concat_ws(', ', o.status, o.reason, o.next_check_at - pg_temp.noon()) from lapse.orders o where o.ref = pg_temp.ref(p_name) $$;
select is(pg_temp.stands('open'), 'expired, all_dead', 'an order that is open in the shop expires');
select is(pg_temp.stands('cancelled'), 'expired, closed_by_shop', 'what the shop cancelled is followed');
select is(pg_temp.stands('deleted'), 'expired, closed_by_shop', 'so is what it deleted');
select is(pg_temp.stands('cash'), 'paid, closed_by_shop', 'and what was paid in another way');
select is(pg_temp.stands('held'), 'pending, order_locked, 00:01:00', 'a locked one is checked again in a minute');
select is(pg_temp.told('held', 'due_since')::timestamptz, pg_temp.noon() - interval '1 hour', 'and has waited for as long as it has');
select is(pg_temp.stands('moved'), 'pending, 00:01:00', 'one whose deadline the shop moved is due after that');
select is(pg_temp.stands('named'), 'pending, 00:00:00', 'one whose row names another payment is due again at once');
select is((select source from lapse.payments where stripe_id = 'pi_new'), 'server', 'with that payment');
select is(pg_temp.told('foreign', 'reason'), 'payment_not_dead', 'a payment that is recorded with another order counts for this one, too');
select is(pg_temp.stands('free'), 'quarantined, nothing_to_pay', 'an order over nothing never expires as unpaid');

select results_eq(
  'select * from finished', $$ values (array[pg_temp.ref('open')], '{}'::text[]) $$, 'the shop is asked to close the orders that it reported as open, and no others'
);
select results_eq(
  $$ select sum(quantity)::int from public.stock_reservations where state <> 'held' $$, 'values (2)', 'only the open order gave its stock back'
);
select is((select stock_released from lapse.runs), 2::bigint, 'which is counted');
select is((select count(*) from lapse.payments where state = 'dead'), 9::bigint, 'what Stripe said of the payments is true in any case');
select is(
  (select count(*) from lapse.decisions where subject = 'order' and outcome in ('handed_back', 'retry')), 1::bigint,
  'what was handed back was not decided'
);

select * from finish();
rollback;
