begin;
\ir ../helpers.sql
select plan(7);

select pg_temp.place_due_order(name, array['pi_' || name]) from unnest('{now,soon,far,open}'::text[]) name;
select pg_temp.place_due_order('bank ' || n, array['pi_bank_' || n]) from generate_series(1, 20) n;
select pg_temp.begin_run('run'), pg_temp.claim('run');
select is(
  pg_temp.settled('run', array[
    pg_temp.decide('now', 'waiting', p_next_check_at => pg_temp.noon()),
    pg_temp.decide('soon', 'waiting', p_next_check_at => pg_temp.noon() + interval '5 minutes'),
    pg_temp.decide('far', 'waiting', p_next_check_at => pg_temp.noon() + interval '2 years'),
    pg_temp.decide('open', 'waiting')
  ]),
  '{"outcomes": {"waiting": 4}, "superseded": 0}', 'all wait'
);
create function pg_temp.seconds(p_name text) returns numeric
language sql
as $$ select extract(epoch from pg_temp.told(p_name, 'next_check_at')::timestamptz - pg_temp.noon()) $$;
select ok(pg_temp.seconds('now') <@ '[60, 66]'::numrange, 'a minute is the least: an order is not claimed twice by one run');
select ok(pg_temp.seconds('soon') <@ '[300, 330]'::numrange, 'a wait is as long as requested, and up to a tenth longer');
select is(pg_temp.seconds('far'), 30 * 86400.0, 'a month is the most: a wrong date does not hide an order for years');
select ok(pg_temp.seconds('open') <@ '[60, 66]'::numrange, 'without a time it is the least');

-- Twenty bank debits that are asked about hourly.
select pg_temp.settle('run', (
  select array_agg(pg_temp.decide('bank ' || n, 'waiting', p_next_check_at => pg_temp.noon() + interval '1 hour')) from generate_series(1, 20) n
));
select cmp_ok(
  (select count(distinct next_check_at) from lapse.orders where next_check_at > pg_temp.noon() + interval '50 minutes'), '>', 10::bigint,
  'orders that wait for the same event are due at different times'
);
select is(
  (select count(*) from lapse.orders where due_since is distinct from next_check_at), 0::bigint, 'a recheck is due, and overdue, from then on'
);

select * from finish();
rollback;
