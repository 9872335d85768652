begin;
\ir ../helpers.sql
select plan(13);

select pg_temp.place_due_order('a', '{pi_1}');

select throws_ok('update public.orders set ' || change, '23514', null, change)
from unnest(array[
  'next_check_at = null',
  $$ status = 'expiring' $$,
  'claimed_by = gen_random_uuid()',
  'paid_at = now()',
  $$ status = 'paid', next_check_at = null $$,
  $$ status = 'paid', paid_at = now() $$,
  'expired_at = now()',
  'amount = -1',
  $$ currency = 'EUR' $$
]) as change;
select throws_ok(
  $$ update public.orders set status = 'expired', next_check_at = null $$, '23001', null, 'status = expired without a moment'
);
select throws_ok('update public.stock_reservations set ' || change, '23514', null, change)
from unnest(array[$$ state = 'released' $$, 'closed_at = now()', 'quantity = 0']) as change;

select * from finish();
rollback;
