begin;
\ir ../helpers.sql
select plan(9);

select vault.create_secret('https://example.supabase.co/functions/v1', 'lapse_functions_url')
where not exists (select from vault.decrypted_secrets where name = 'lapse_functions_url');
select vault.create_secret(repeat('s', 40), 'lapse_scheduler_secret')
where not exists (select from vault.decrypted_secrets where name = 'lapse_scheduler_secret');
update lapse.schedules set active = true where job = 'expire-stale-orders';

select lapse.begin_run(
  pg_temp.id('run'), 'expire-stale-orders', 'operator', p_reason => 'sale', p_limit => 5, p_release_brake => true, p_now => pg_temp.noon()
);
select throws_ok(
  $$ select lapse.continue_run(pg_temp.id('run'), pg_temp.noon()) $$, 'PT409',
  format('Cannot continue run %s: it is running, not partial', pg_temp.id('run')), 'a run that works is not continued'
);
select throws_ok($$ select lapse.continue_run(pg_temp.id('nowhere'), pg_temp.noon()) $$, 'PT404', null, 'nor one that does not exist');

select pg_temp.place_due_order('order ' || n) from generate_series(1, 3) n;
select pg_temp.close_without_payments('run');
select lapse.finish_run(pg_temp.id('run'), 'partial', p_now => pg_temp.noon());
create temp table next as select lapse.continue_run(pg_temp.id('run'), pg_temp.noon() + interval '1 second') as run_id;
select row_eq(
  $$ select r.status, r.trigger, r.reason, r.item_limit, r.brake_released_at, r.continues from lapse.runs r join next n on n.run_id = r.id $$,
  row('queued'::text, 'continuation'::text, 'sale'::text, 2, pg_temp.noon(), pg_temp.id('run')),
  'a partial run is, with what is left of its limit and the release of the brake as it was given'
);
select is((select lapse.continue_run(pg_temp.id('run'), pg_temp.noon())), (select run_id from next), 'asked again, it is the same continuation');

select lapse.begin_run(run_id, 'expire-stale-orders', 'schedule', p_now => pg_temp.noon()) from next;
select pg_temp.place_due_order('more ' || n) from generate_series(1, 9) n;
select lapse.close_without_payments(run_id, 2, 9, pg_temp.noon()) from next;
select lapse.finish_run(run_id, 'partial', p_now => pg_temp.noon()) from next;
select is(
  (select lapse.limit_left(r) from lapse.runs r join next n on n.run_id = r.id), 1, 'a limit that was used up leaves one, never none: none is no limit'
);
select is((select lapse.limit_left(null::lapse.runs)), null, 'and no limit stays none');

update lapse.schedules set active = false where job = 'expire-stale-orders';
select is((select lapse.continue_run(run_id, pg_temp.noon()) from next), null, 'a paused job is not continued');
select pg_temp.begin_run('failed'), lapse.finish_run(pg_temp.id('failed'), 'failed', p_now => pg_temp.noon());
select throws_ok($$ select lapse.continue_run(pg_temp.id('failed'), pg_temp.noon()) $$, 'PT409', null, 'nor is one that failed');
select is((select count(*) from lapse.runs where status = 'queued'), 0::bigint, 'nothing was queued in the meantime');

select * from finish();
rollback;
