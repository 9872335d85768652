begin;
\ir ../helpers.sql
select plan(4);

select pg_temp.place_due_order('asked for');
create function pg_temp.run(p_name text, p_status text, p_order_id uuid default null) returns void
language sql
as $$
  insert into lapse.runs (id, job, trigger, ref) values (pg_temp.id(p_name), 'expire-stale-orders', 'server', p_order_id);
  select pg_temp.begin_run(p_name);
  select lapse.finish_run(pg_temp.id(p_name), p_status, p_error => p_status, p_now => pg_temp.noon());
$$;
prepare alert as select occurrences, resolved_at from lapse.alerts where key = 'run_failed:expire-stale-orders';

select pg_temp.run('a', 'failed', pg_temp.id('asked for'));
select is_empty('alert', 'its failure is returned to the caller and raises no alert');
select pg_temp.run('b', 'failed');
select pg_temp.run('c', 'failed', pg_temp.id('asked for'));
select results_eq('alert', $$ values (1, null::timestamptz) $$, 'nor does it count as another failure of the job');
select pg_temp.run('d', 'succeeded', pg_temp.id('asked for'));
select results_eq('alert', $$ values (1, null::timestamptz) $$, 'its success closes nothing');
select pg_temp.run('e', 'succeeded');
select results_eq('alert', $$ values (1, pg_temp.noon()) $$, 'that of a run without restriction does');

select * from finish();
rollback;
