begin;
\ir ../helpers.sql
select plan(6);

select lapse.watch_order(
  p_ref => 'o-1', p_amount => 1250, p_currency => 'EUR', p_deadline => pg_temp.noon() + interval '1 hour', p_method => 'card',
  p_channel => 'web', p_placed_at => pg_temp.noon() - interval '1 minute', p_account => 'acct_1', p_now => pg_temp.noon()
);
select row_eq(
  $$ select status, reason, amount, currency, account, method, channel, payments, attempt, looks, failures, watched_at from lapse.orders $$,
  row(
    'pending'::text, null::text, 1250::bigint, 'eur'::text, 'acct_1'::text, 'card'::text, 'web'::text, 0, 0, 0, 0, pg_temp.noon()
  ), 'it is pending, with what the shop said'
);
select row_eq(
  'select deadline, next_check_at, due_since, placed_at from lapse.orders',
  row(
    pg_temp.noon() + interval '1 hour', pg_temp.noon() + interval '62 minutes', pg_temp.noon() + interval '62 minutes',
    pg_temp.noon() - interval '1 minute'
  ), 'and due when the hidden grace after its deadline is over'
);

select lapse.watch_order(p_ref => 'o-2', p_now => pg_temp.noon());
select row_eq(
  $$ select amount, currency, deadline, placed_at from lapse.orders where ref = 'o-2' $$,
  row(null::bigint, null::text, pg_temp.noon() + interval '30 minutes', pg_temp.noon()),
  'without an amount any payment settles it; without a deadline the default policy counts, from now on'
);
select lapse.watch_order(p_ref => 'o-3', p_deadline => 'infinity', p_now => pg_temp.noon());
select cmp_ok(
  (select next_check_at from lapse.orders where ref = 'o-3'), '>', pg_temp.noon() + interval '1000 years', 'a deadline that never comes is one'
);
select lapse.watch_order(p_ref => 'o-4', p_placed_at => pg_temp.noon() - interval '91 days', p_now => pg_temp.noon());
select row_eq(
  $$ select status, reason, next_check_at from lapse.orders where ref = 'o-4' $$,
  row('quarantined'::text, 'older_than_list'::text, null::timestamptz),
  'an order from before the reach of Stripe''s lists is for a person to decide, as its payments cannot be found'
);
select is((select count(*) from lapse.inbox), 0::bigint, 'nothing waits in the inbox');

select * from finish();
rollback;
