begin;
\ir ../helpers.sql
select plan(10);

select pg_temp.place_due_order('good', '{pi_1}');
select pg_temp.place_due_order('bad', '{pi_2}');
select pg_temp.begin_run('run'), pg_temp.claim('run');
create temp table good as select pg_temp.decide('good', 'expired', array[pg_temp.said('pi_1', 'canceled')]) as decision;
create temp table before as select pg_temp.everything() as hash;

prepare settle_with(jsonb) as select pg_temp.settle('run', array[decision, $1]) from good;
create function pg_temp.bad(p_change jsonb) returns text
language sql
as $$ select format('execute settle_with(%L)', pg_temp.decide('bad', 'quarantined') || p_change) $$;

select throws_ok(pg_temp.bad('{"outcome": "refunded"}'), '23514', null, 'an outcome nobody knows');
select throws_ok(pg_temp.bad('{"outcome": null}'), null, null, 'no outcome');
select throws_ok(pg_temp.bad('{"reason": null}'), '23502', null, 'no reason');
select throws_ok(pg_temp.bad('{"orderId": "not an id"}'), '22P02', null, 'no order');
select throws_ok(
  pg_temp.bad(jsonb_build_object('payments', jsonb_build_array(pg_temp.said('pi_2', 'canceled') || '{"evidence": null}'))), '23514', null,
  'a dead payment without evidence'
);
select throws_ok(
  pg_temp.bad(jsonb_build_object('payments', jsonb_build_array(pg_temp.said('pi_2', 'refunded')))), '23514', null,
  'an outcome of a payment nobody knows'
);
select throws_ok(
  pg_temp.bad((select decision from good) || '{"outcome": "waiting"}'), '22023',
  format('Cannot settle two decisions about one order: current value is %s', pg_temp.id('good')), 'two decisions about one order'
);
select throws_ok(format('select public.jobs_settle_orders(%L, 1, %L)', pg_temp.id('run'), '{}'), '22023', null, 'no list');
select is(pg_temp.everything(), (select hash from before), 'after all of them everything is as it was, the good decision included');

select is(
  pg_temp.settle('run', (select array[decision] from good)), '{"outcomes": {"expired": 1}, "superseded": 0}', 'which settles by itself'
);

select * from finish();
rollback;
