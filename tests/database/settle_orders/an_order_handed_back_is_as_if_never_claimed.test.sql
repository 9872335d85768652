begin;
\ir ../helpers.sql
select plan(15);

select pg_temp.place_due_order('a', '{pi_1}');
update lapse.orders set failures = 2, reason = 'timeout';
select pg_temp.begin_run('run'), pg_temp.claim('run');

select is(
  pg_temp.settled('run', array[pg_temp.decide('a', 'handed_back', p_reason => 'untouched')]),
  '{"outcomes": {"handed_back": 1}, "superseded": 0}', 'the answer counts it'
);
select row_eq(
  'select status, reason, failures, next_check_at, run_id from lapse.orders',
  row('pending'::text, 'timeout'::text, 2, pg_temp.noon(), null::uuid), 'it is pending, due at once, and nothing is held against it'
);
select row_eq(
  'select due_since, looks from lapse.orders', row(pg_temp.noon() - interval '1 hour', 0),
  'it has waited for as long as it has, and for the first decision'
);
select is_empty('select from lapse.decisions', 'nothing was decided');
select is(pg_temp.claim('run'), 1, 'the next claim gets it');
select is((select attempt from lapse.orders), 2, 'as an attempt of its own');

-- What was found out about its payments is written down, and no article is waited for.
select pg_temp.settle('run', array[pg_temp.decide('a', 'handed_back', array[pg_temp.said('pi_1', 'canceled')])]);
select row_eq(
  'select o.status, o.failures, p.state from lapse.orders o join lapse.payments p on p.ref = o.ref',
  row('pending'::text, 2, 'dead'::text), 'its payment is recorded dead'
);
select results_eq(
  'select subject, outcome from lapse.decisions', $$ values ('payment_intent', 'canceled') $$, 'as a decision about the payment alone'
);
select row_eq('select on_hand, reserved from public.inventory', row(1000, 1), 'and its stock is held');

-- A continuation begins at once, before any list is read further.
select pg_temp.cursors_at(pg_temp.noon() - interval '1 minute');
update lapse.orders set next_check_at = pg_temp.noon() - interval '1 hour';
select pg_temp.claim('run'), pg_temp.settle('run', array[pg_temp.decide('a', 'handed_back', p_reason => 'untouched')]);
select is(pg_temp.claim('run'), 1, 'whatever the lists are read to, the next claim gets it');
select pg_temp.settle('run', array[pg_temp.decide('a', 'handed_back')], pg_temp.noon());
select ok(
  (select next_check_at > pg_temp.noon() - interval '2 minutes' from lapse.orders), 'and it is behind those that have been due for longer'
);
update lapse.orders set next_check_at = pg_temp.noon() - interval '1 hour';

-- When Stripe asks for a pause, it comes back after it; but nobody can hand it away.
select pg_temp.claim('run'), pg_temp.settle('run', array[
  pg_temp.decide('a', 'handed_back', p_reason => 'throttled', p_next_check_at => pg_temp.noon() + interval '5 minutes')
]);
select is((select next_check_at from lapse.orders), pg_temp.noon() + interval '5 minutes', 'it can be handed back for a while');
update lapse.orders set next_check_at = pg_temp.noon() - interval '1 hour';
select pg_temp.claim('run'), pg_temp.settle('run', array[
  pg_temp.decide('a', 'handed_back', p_reason => 'throttled', p_next_check_at => pg_temp.noon() + interval '1 year')
]);
select is((select next_check_at from lapse.orders), pg_temp.noon() + interval '1 day', 'for a day at most');

-- Behind the others, and at a time of its own: a run gives up after a few that wait for a lock.
create temp table waits (seconds numeric);
do $$
begin
  for n in 1 .. 20 loop
    update lapse.orders set next_check_at = pg_temp.noon() - interval '1 hour' where ref = pg_temp.ref('a');
    perform pg_temp.claim('run'), pg_temp.settle('run', array[pg_temp.decide('a', 'handed_back', p_reason => 'not_settled_in_time')]);
    insert into waits select extract(epoch from next_check_at - pg_temp.noon()) from lapse.orders;
  end loop;
end;
$$;
select ok((select bool_and(seconds between 60 and 120) from waits), 'what could not be settled in time comes back in a minute or two');
select cmp_ok((select count(distinct seconds) from waits), '>', 10::bigint, 'and not in the same order each time');

select * from finish();
rollback;
