begin;
\ir ../helpers.sql
select plan(5);

-- A run died every five minutes for the hour before eleven.
insert into lapse.runs (job, trigger, status, created_at, started_at, finished_at)
select 'expire-stale-orders', 'schedule', 'lost', at, at, at + interval '3 minutes'
from generate_series(pg_temp.noon() - interval '2 hours', pg_temp.noon() - interval '65 minutes', interval '5 minutes') at;
select pg_temp.place_due_order('before ' || n, array['pi_b' || n], p_due_for => '125 minutes') from generate_series(1, 7) n;
select pg_temp.place_due_order('meanwhile ' || n, array['pi_m' || n], p_due_for => '90 minutes') from generate_series(1, 2) n;
select pg_temp.place_due_order('since ' || n, array['pi_s' || n], p_due_for => '1 hour') from generate_series(1, 120) n;

select pg_temp.begin_run('next');
create function pg_temp.claim_100() returns integer
language sql
as $$ select jsonb_array_length(lapse.claim_orders(pg_temp.id('next'), 1, 100, pg_temp.noon())) $$;

select is(pg_temp.claim_100(), 7, 'what was due before the first of the dead began comes first');
select is(
  array[pg_temp.claim_100(), pg_temp.claim_100()], '{1,1}', 'then what they may have held, one at a time after so many'
);
select is(pg_temp.claim_100(), 100, 'what fell due since the last of them was found dead is claimed as usual');
select is(pg_temp.claim_100(), 20, 'to the last one');
select is(pg_temp.claim_100(), 0, 'and nothing is left');

select * from finish();
rollback;
