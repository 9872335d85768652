begin;
\ir ../helpers.sql
select plan(6);

create function pg_temp.run(p_name text, p_status text) returns void
language sql
as $$
  select pg_temp.begin_run(p_name);
  select lapse.finish_run(pg_temp.id(p_name), p_status, p_error => 'Stripe stopped the run', p_now => pg_temp.noon());
$$;
prepare alert as select occurrences, details ->> 'cause', resolved_at from lapse.alerts where key = 'run_failed:expire-stale-orders';

select pg_temp.run('a', 'failed');
select results_eq('alert', $$ values (1, 'Stripe stopped the run', null::timestamptz) $$, 'a failed run opens an alert');
select pg_temp.run('b', 'failed');
select results_eq('alert', $$ values (2, 'Stripe stopped the run', null::timestamptz) $$, 'the next one is counted in it');
select pg_temp.run('c', 'partial');
select results_eq('alert', $$ values (2, 'Stripe stopped the run', null::timestamptz) $$, 'a partial run leaves it open');
select pg_temp.run('d', 'succeeded');
select results_eq('alert', $$ values (2, 'Stripe stopped the run', pg_temp.noon()) $$, 'a success resolves it');
select pg_temp.run('e', 'failed');
select results_eq(
  'select occurrences from lapse.alerts order by id', 'values (2), (1)', 'a failure after that is a new alert'
);
select row_eq(
  $$ select runs_total, runs_failed_total from lapse.metrics where job = 'expire-stale-orders' $$, row(5::bigint, 3::bigint),
  'the metrics count runs and failures'
);

select * from finish();
rollback;
