begin;
\ir ../helpers.sql
select plan(2);

insert into lapse.runs (id, job, status, trigger, created_at, finished_at, continues)
values
  (pg_temp.id('cut off'), 'cleanup-stale-payment-intents', 'partial', 'schedule', pg_temp.noon(), pg_temp.noon(), null),
  (pg_temp.id('next'), 'cleanup-stale-payment-intents', 'queued', 'continuation', pg_temp.noon(), null, pg_temp.id('cut off'));

-- What the watch saw before the function requested the continuation. At that moment it holds no lock.
create or replace function lapse.broken_chains(p_now timestamptz) returns setof uuid
language sql stable
set search_path = pg_catalog, pg_temp
as $$ select md5('cut off')::uuid $$;

select lives_ok(
  format('select lapse.resume_chains(%L)', pg_temp.noon() + interval '10 minutes'), 'the watch requests no second continuation'
);
select is((select count(*)::integer from lapse.runs), 2, 'so there is one');

select * from finish();
rollback;
