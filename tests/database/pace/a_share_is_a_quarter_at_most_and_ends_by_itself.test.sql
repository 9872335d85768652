begin;
\ir ../helpers.sql
select plan(4);

update lapse.settings set payments_per_second_live = 20, cleanup_payments_per_second = 10;
select is(
  lapse.take_share('cleanup', true, pg_temp.noon() + interval '2 minutes'), 5.0, 'whatever the settings say, a share is a quarter of the whole at most'
);
select is(lapse.payments_per_second('cleanup-stale-payment-intents', true, pg_temp.noon()), 5.0, 'for a dry run, too');
select is(lapse.payments_per_second('expire-stale-orders', true, pg_temp.noon()), 15.0, 'the rest is for the job that releases stock');
-- A share cannot last longer than a lease.
update lapse.pace_shares set until = pg_temp.noon() + interval '1 day';
select is(
  lapse.payments_per_second('expire-stale-orders', true, pg_temp.noon()), 20.0, 'a share of a clock that was set back counts for nothing'
);

select * from finish();
rollback;
