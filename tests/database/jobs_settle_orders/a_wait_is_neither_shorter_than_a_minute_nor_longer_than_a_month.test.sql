begin;
\ir ../helpers.sql
select plan(2);

select pg_temp.place_due_order(name, array['pi_' || name]) from unnest('{now,soon,far,open}'::text[]) name;
select pg_temp.begin_run('run'), pg_temp.claim('run');
select is(
  pg_temp.settle('run', array[
    pg_temp.decide('now', 'waiting', p_next_check_at => pg_temp.noon()),
    pg_temp.decide('soon', 'waiting', p_next_check_at => pg_temp.noon() + interval '1 hour'),
    pg_temp.decide('far', 'waiting', p_next_check_at => pg_temp.noon() + interval '2 years'),
    pg_temp.decide('open', 'waiting')
  ]),
  '{"outcomes": {"waiting": 4}, "superseded": 0}', 'all wait'
);
select results_eq(
  $$ select name, o.next_check_at - pg_temp.noon()
     from unnest('{now,soon,far,open}'::text[]) with ordinality as n (name, nr) join public.orders o on o.id = pg_temp.id(name) order by nr $$,
  $$ values ('now', interval '1 minute'), ('soon', interval '1 hour'), ('far', interval '30 days'), ('open', interval '30 days') $$,
  'an order is not claimed twice by one run, and a wrong date does not hide it for years'
);

select * from finish();
rollback;
