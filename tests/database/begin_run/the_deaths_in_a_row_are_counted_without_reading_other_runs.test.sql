begin;
\ir ../helpers.sql
select plan(2);

insert into lapse.runs (job, trigger, status, created_at, started_at, finished_at)
select 'expire-stale-orders', 'schedule', case when n % 200 = 0 then 'lost' else 'skipped' end, at, at, at
from generate_series(1, 12000) n
cross join lateral (select pg_temp.noon() - n * interval '1 minute' as at) x;
analyze lapse.runs;

create function pg_temp.runs_read() returns bigint
language sql
as $$ select seq_tup_read + idx_tup_fetch from pg_stat_xact_user_tables where relid = 'lapse.runs'::regclass $$;
create temp table before as select pg_temp.runs_read() as n;

select is((select deaths from lapse.deaths_in_a_row(p_job => 'expire-stale-orders')), 60, 'sixty runs died, and thousands were skipped');
select is(pg_temp.runs_read() - (select n from before), 60::bigint, 'only those that count are read');

select * from finish();
rollback;
