begin;
\ir ../helpers.sql
select plan(6);

create function pg_temp.begin_with(p_job text, p_trigger text default 'server', p_more text default '') returns text
language sql
as $$ select format('select lapse.begin_run(%L, %L, %L %s)', pg_temp.id('a'), p_job, p_trigger, p_more) $$;

select throws_ok(pg_temp.begin_with('mow-the-lawn'), '22023', null, 'an unknown job');
select throws_ok(pg_temp.begin_with('expire-stale-orders', 'cron'), '23514', null, 'an unknown trigger');
select throws_ok(pg_temp.begin_with('expire-stale-orders', p_more => ', p_limit => 0'), '23514', null, 'a limit of nothing');
select throws_ok(
  pg_temp.begin_with('expire-stale-orders', p_more => $$, p_dry_run => true, p_release_brake => true, p_reason => 'sale'$$), '22023', null,
  'the brake of a dry run, which meets none'
);
-- A copy of a database, whose scheduler still holds the original's URL, must start nothing there.
select throws_ok(
  pg_temp.begin_with('expire-stale-orders', 'schedule'), 'PT404',
  format('Cannot begin run %s: the scheduler may only start runs that are queued in this database', pg_temp.id('a')),
  'a run of the scheduler that this database did not queue'
);
select is((select count(*) from lapse.runs), 0::bigint, 'none of them left a row');

select * from finish();
rollback;
