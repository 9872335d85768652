begin;
\ir ../helpers.sql
select plan(19);

select pg_temp.place_due_order('expired', '{pi_1}');
select pg_temp.place_due_order('paid', '{pi_2}');
select pg_temp.begin_run('run'), pg_temp.claim('run');
select pg_temp.settle('run', array[
  pg_temp.decide('expired', 'expired', array[pg_temp.said('pi_1', 'canceled')]),
  pg_temp.decide('paid', 'paid', array[pg_temp.said('pi_2', 'found_paid')])
]);

-- As the owner of the tables: no privilege protects these rows here, only the triggers do.
select throws_ok(
  format(
    $$ update public.orders set status = %L, expired_at = null, paid_at = null, next_check_at = now(), claimed_by = null where id = %L $$,
    target, pg_temp.id(name)
  ),
  '23001',
  case when target = 'expired' then 'Cannot expire order as a payment is not dead: current value is paid'
    else 'Cannot change order status as it is final: current value is ' || name end,
  name || ' does not become ' || target
)
from unnest(array['expired', 'paid']) name, unnest(array['pending', 'expiring', 'quarantined', 'paid', 'expired']) target
where name <> target;
select throws_ok(
  format('update public.order_payments set state = %L where state = %L', target, state), '23001',
  'Cannot change payment state as it is final: current value is ' || state, format('a %s payment does not become %s', state, target)
)
from (values ('dead', 'open'), ('dead', 'paid'), ('paid', 'open'), ('paid', 'dead')) as it (state, target);
select throws_ok(
  format('update public.stock_reservations set state = %L, closed_at = null where state = %L', target, state), '23001',
  'Cannot change reservation state as it is final: current value is ' || state, format('a %s reservation does not become %s', state, target)
)
from (values ('released', 'held'), ('released', 'consumed'), ('consumed', 'held'), ('consumed', 'released')) as it (state, target);

select throws_ok(
  format('update public.order_payments set order_id = %L where stripe_id = %L', pg_temp.id('paid'), 'pi_1'), '23001',
  'Cannot change payment order as it is final: current value is ' || pg_temp.id('expired'), 'a payment stays with its order'
);

select lives_ok(
  $$ update public.orders set status_reason = 'corrected', status = status; update public.order_payments set reason = 'corrected', state = state $$,
  'what does not move them may change'
);
select is((select count(*) from public.stock_reservations where state = 'held'), 0::bigint, 'each reservation left held once');

select * from finish();
rollback;
