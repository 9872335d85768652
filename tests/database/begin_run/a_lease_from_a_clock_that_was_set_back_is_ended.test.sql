begin;
\ir ../helpers.sql
select plan(7);

create function pg_temp.answer(p_name text, p_at timestamptz, p_dry_run boolean default false) returns text
language sql
as $$
  select lapse.begin_run(
    p_run_id => pg_temp.id(p_name), p_job => 'expire-stale-orders', p_trigger => 'server', p_dry_run => p_dry_run, p_now => p_at
  ) ->> 'answer'
$$;
prepare run_of(text) as select status, error, finished_at from lapse.runs where id = pg_temp.id($1);

-- The longest lease there is, of a run that began half a minute later than the one that looks at it: that one waited for the row.
update lapse.settings set lease = '1 hour';
select pg_temp.answer('first', pg_temp.noon() + interval '30 seconds');
select is(pg_temp.answer('second', pg_temp.noon()), 'skipped', 'a lease of the present is never over before its time');

select lapse.finish_run(pg_temp.id('first'), 'succeeded', p_now => pg_temp.noon() + interval '1 minute');
select pg_temp.answer('tomorrow', pg_temp.noon() + interval '40 days');
select is(pg_temp.answer('dry', pg_temp.noon(), p_dry_run => true), 'running', 'a dry run needs no lease');
select results_eq(
  $$ execute run_of('tomorrow') $$, $$ values ('running', null, null::timestamptz) $$, 'and ends none'
);
select is(pg_temp.answer('now', pg_temp.noon()), 'running', 'a lease that ends weeks ahead blocks no run');
select results_eq(
  $$ execute run_of('tomorrow') $$, $$ values ('lost', 'Its lease is of a clock that was set back', pg_temp.noon()) $$, 'its run is lost'
);
select throws_ok(
  $$ select lapse.claim_orders(pg_temp.id('tomorrow'), 2, 10, pg_temp.noon()) $$, 'LP001', null, 'and can change nothing any more'
);
select is(pg_temp.answer('next', pg_temp.noon() + interval '1 minute'), 'skipped', 'the lease of the one that took over holds');

select * from finish();
rollback;
