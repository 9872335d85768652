begin;
\ir ../helpers.sql
select plan(2);

select pg_temp.place_due_order('order ' || n, array['pi_' || n]) from generate_series(1, 20) n;
select pg_temp.begin_run('run'), pg_temp.claim('run');
select pg_temp.settle('run', (select array_agg(pg_temp.decide('order ' || n, 'retry')) from generate_series(1, 20) n));

select cmp_ok((select count(distinct o.next_check_at) from lapse.orders o), '>', 10::bigint, 'each is due at a different time');
select ok(
  (select bool_and(o.next_check_at - pg_temp.noon() between interval '45 seconds' and interval '75 seconds') from lapse.orders o),
  'within a quarter of the first wait'
);

select * from finish();
rollback;
