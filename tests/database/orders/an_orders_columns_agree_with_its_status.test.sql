begin;
\ir ../helpers.sql
select plan(20);

select pg_temp.place_due_order('a', '{pi_1}');

select throws_ok('update lapse.orders set ' || change, '23514', null, change)
from unnest(array[
  'next_check_at = null',
  'due_since = null',
  $$ status = 'expiring' $$,
  'closed_at = now()',
  $$ status = 'paid', next_check_at = null $$,
  'amount = -1',
  'amount = null',
  'currency = null',
  $$ currency = 'EUR' $$,
  $$ account = 'acc_1' $$,
  $$ deadline = 'infinity' $$,
  $$ placed_at = '-infinity' $$,
  $$ status = 'shipped' $$,
  $$ ref = '' $$
]) as change;
select throws_ok(
  $$ update lapse.orders set status = 'expired', next_check_at = null $$, '23001', null, 'status = expired without a moment'
);
select lives_ok('update lapse.orders set ' || change, change)
from unnest(array[
  'amount = null, currency = null',
  $$ status = 'expiring', run_id = gen_random_uuid() $$,
  $$ status = 'quarantined', run_id = null, next_check_at = null $$,
  'next_check_at = now()',
  $$ status = 'paid', closed_at = now(), next_check_at = null $$
]) as change;

select * from finish();
rollback;
