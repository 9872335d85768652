begin;
\ir ../helpers.sql
\ir ../cleanup.sql
select plan(4);

update lapse.settings set brake_threshold = 2;
select pg_temp.place_order('noted ' || n, pg_temp.noon() - interval '1 day') from generate_series(1, 3) n;
select is(
  lapse.begin_run(pg_temp.id('run'), 'expire-stale-orders', 'server', p_now => pg_temp.noon()) ->> 'answer', 'braked',
  'orders that are due and only in the inbox count for the brake'
);
select is((select count(*) from lapse.orders), 3::bigint, 'they are in the ledger now');

-- The clean-up finds its work in Stripe's lists, and one that nobody has read for an hour is work.
select pg_temp.cursors_at(pg_temp.noon() - interval '59 minutes');
create function pg_temp.due(p_name text, p_now timestamptz) returns text
language sql
as $$
  select lapse.begin_run(pg_temp.id(p_name), 'cleanup-stale-payment-intents', 'server', p_dry_run => true, p_now => p_now) ->> 'due'
$$;
select is(pg_temp.due('a', pg_temp.noon()), '0', 'lists that were read a moment ago are no work for the clean-up');
select is(pg_temp.due('b', pg_temp.noon() + interval '2 minutes'), '1', 'lists of an hour ago are');

select * from finish();
rollback;
