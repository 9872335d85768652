begin;
\ir ../helpers.sql
select plan(15);

-- Told by the trigger, by nobody, or deleted: the shop's row counts.
select pg_temp.place_due_order('cancelled', '{pi_1}'), pg_temp.place_due_order('silently', '{pi_2,pi_3}');
select pg_temp.place_due_order('deleted'), pg_temp.place_due_order('held', '{pi_5}');
select pg_temp.place_order('unknown');
select public.close_order(pg_temp.id('cancelled'), false);
alter table public.orders disable trigger lapse_follows;
select pg_temp.begin_run('run');
update lapse.orders set next_check_at = pg_temp.noon() + interval '1 day' where ref <> pg_temp.ref('held');
select pg_temp.claim('run');
select public.close_order(pg_temp.id(name), false) from unnest(array['silently', 'unknown', 'held']) name;
delete from public.stock_reservations where order_id = pg_temp.id('deleted');
delete from public.orders where id = pg_temp.id('deleted');
delete from lapse.inbox where ref = pg_temp.ref('unknown');
create temp table stock as select on_hand, reserved from public.inventory;

create function pg_temp.outcome(p_name text, p_stripe_id text) returns text
language sql
as $$
  select concat_ws(' ', pg_temp.mark_paid(p_name, p_stripe_id), pg_temp.told(p_name, 'status'), pg_temp.told(p_name, 'reason'))
$$;

select is(pg_temp.outcome('cancelled', 'pi_1'), 'late_payment quarantined late_payment', 'cancelled, and its only payment succeeded: a person decides');
select is(
  pg_temp.outcome('silently', 'pi_2'), 'late_payment pending closed_by_shop', 'another payment is still open: a run cancels it first'
);
select is(pg_temp.told('silently', 'next_check_at')::timestamptz, pg_temp.noon(), 'at once');
select is(pg_temp.outcome('silently', 'pi_3'), 'late_payment quarantined late_payment', 'that one succeeds as well');
select is(pg_temp.outcome('deleted', 'pi_4'), 'late_payment expired closed_by_shop', 'an order that the shop deleted is closed, and its money late');
select is(pg_temp.outcome('held', 'pi_5'), 'late_payment quarantined late_payment', 'a run that holds the order loses it');
select is(pg_temp.outcome('unknown', 'pi_6'), 'late_payment expired closed_by_shop', 'an unwatched cancelled order becomes known by its money');

select is(a.severity, 'critical', 'an alert names ' || name)
from unnest(array['cancelled', 'silently', 'deleted', 'held', 'unknown']) name
left join lapse.alerts a on a.key = 'late_payment:' || pg_temp.ref(name);
select results_eq('select on_hand, reserved from public.inventory', 'select * from stock', 'no stock moves');

-- And the other way round.
select pg_temp.place_order('cash');
select public.close_order(pg_temp.id('cash'), true);
delete from lapse.inbox;
select is(pg_temp.outcome('cash', 'pi_7'), 'already_paid paid closed_by_shop', 'an order that the shop called paid before is paid by it');
select is(pg_temp.outcome('cash', 'pi_8'), 'paid_twice paid closed_by_shop', 'once');

select * from finish();
rollback;
