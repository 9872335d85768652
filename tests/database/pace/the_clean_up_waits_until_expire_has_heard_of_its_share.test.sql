begin;
\ir ../helpers.sql
\ir ../cleanup.sql
select plan(7);

update lapse.settings set payments_per_second_test = 20;
-- Whether a settlement without decisions tells this run to wait.
create function pg_temp.waits(p_run text, p_now timestamptz default pg_temp.noon()) returns text
language sql
as $$ select pg_temp.settle(p_run, '{}', p_now) ->> 'waitForShare' $$;

select pg_temp.begin_run('expire');
select is(
  lapse.begin_run(
    p_run_id => pg_temp.id('cleanup'), p_job => 'cleanup-stale-payment-intents', p_trigger => 'server', p_now => pg_temp.noon()
  ) -> 'waitForShare',
  'true', 'a run that expires orders began with the whole pace'
);
select is(pg_temp.waits('cleanup'), 'true', 'asking again does not help');
select is(pg_temp.waits('expire'), 'false', 'the other run never waits, and hears of the share when it settles');
select is(pg_temp.waits('cleanup'), 'false', 'now the clean-up may work');

-- The other way round, and after a run that ended.
select lapse.finish_run(pg_temp.id(r), 'succeeded', p_now => pg_temp.noon()) from unnest('{expire,cleanup}'::text[]) r;
select pg_temp.begin_run('alone', pg_temp.noon() + interval '1 minute');
select lapse.finish_run(pg_temp.id('alone'), 'succeeded', p_now => pg_temp.noon() + interval '2 minutes');
select pg_temp.begin_cleanup('second', pg_temp.noon() + interval '2 minutes');
select is(
  pg_temp.waits('second', pg_temp.noon() + interval '2 minutes'), 'true', 'what a run sent in its last second still counts at Stripe'
);
select is(pg_temp.waits('second', pg_temp.noon() + interval '121 seconds'), 'false', 'and no longer than that');
select pg_temp.begin_run('later', pg_temp.noon() + interval '122 seconds');
select is(
  pg_temp.waits('second', pg_temp.noon() + interval '122 seconds'), 'false', 'a run that begins later leaves the share to it'
);

select * from finish();
rollback;
