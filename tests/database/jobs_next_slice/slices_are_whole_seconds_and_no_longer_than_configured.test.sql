begin;
\ir ../helpers.sql
\ir ../cleanup.sql
select plan(6);

create function pg_temp.slice(p_from interval, p_to interval, p_now timestamptz default pg_temp.noon()) returns text
language sql
as $$
  select format('%s to %s', p_now - created_from, p_now - created_to)
  from jobs.next_slice(p_swept_from => p_now - p_from, p_swept_to => p_now - p_to, p_now => p_now)
$$;

select is(pg_temp.slice(null, null), '30 days to 7 days', 'the first sweep starts 30 days back');
select is(pg_temp.slice('30 days', '14 days'), '14 days to 7 days', 'a week is one slice');
select is(pg_temp.slice('30 days', '7 days 59 seconds'), null, 'less than a minute waits for the next run');
select is(pg_temp.slice('90 days', '80 days'), '80 days to 50 days', 'a longer time is walked in slices of 30 days, oldest first');

update jobs.settings set sweep_start = pg_temp.noon() - interval '400 days';
select is(pg_temp.slice(null, null), '400 days to 370 days', 'a configured start comes before the 30 days');
select is(pg_temp.slice('390 days', '7 days'), '400 days to 390 days', 'an earlier start is made up for');

select * from finish();
rollback;
