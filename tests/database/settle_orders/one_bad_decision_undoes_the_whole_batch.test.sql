begin;
\ir ../helpers.sql
select plan(13);

select pg_temp.place_due_order('good', '{pi_1}');
select pg_temp.place_due_order('bad', '{pi_2}');
select pg_temp.begin_run('run'), pg_temp.claim('run');
create temp table good as select pg_temp.decide('good', 'expired', array[pg_temp.said('pi_1', 'canceled')]) as decision;
create temp table before as select pg_temp.everything() as hash;

prepare settle_with(jsonb) as select pg_temp.settle('run', array[decision, $1]) from good;
create function pg_temp.bad(p_change jsonb) returns text
language sql
as $$ select format('execute settle_with(%L)', pg_temp.decide('bad', 'quarantined') || p_change) $$;
create function pg_temp.bad_payment(p_change jsonb) returns text
language sql
as $$ select pg_temp.bad(jsonb_build_object('payments', jsonb_build_array(pg_temp.said('pi_2', 'canceled') || p_change))) $$;

select throws_ok(pg_temp.bad('{"outcome": "refunded"}'), '22023', null, 'an unknown outcome');
select throws_ok(pg_temp.bad('{"outcome": null}'), '22023', null, 'no outcome');
select throws_ok(pg_temp.bad('{"reason": null}'), '22023', null, 'no reason');
select throws_ok(pg_temp.bad('{"ref": null}'), '22023', null, 'no order');
select throws_ok(pg_temp.bad('{"attempt": "first"}'), '22P02', null, 'an attempt that is no number');
select throws_ok(pg_temp.bad_payment('{"evidence": null}'), '23514', null, 'a dead payment without evidence');
select throws_ok(pg_temp.bad_payment('{"outcome": "refunded"}'), '22023', null, 'an unknown outcome of a payment');
select throws_ok(pg_temp.bad_payment('{"state": "paid"}'), '22023', null, 'a payment that was cancelled and is paid');
select throws_ok(
  pg_temp.bad((select decision from good) || '{"outcome": "waiting"}'), '22023',
  format('Cannot settle two decisions about order %s', pg_temp.ref('good')), 'two decisions about one order'
);
select throws_ok(
  pg_temp.bad_payment('{"stripeId": "pi_1"}'), '22023', 'Cannot settle two decisions about payment pi_1', 'two decisions about one payment'
);
select throws_ok(format('select lapse.settle_orders(%L, 1, %L)', pg_temp.id('run'), '{}'), '22023', null, 'no list');
select is(pg_temp.everything(), (select hash from before), 'after all of them everything is as it was, the good decision included');

select is(
  pg_temp.settled('run', (select array[decision] from good)), '{"outcomes": {"expired": 1}, "superseded": 0}', 'which settles by itself'
);

select * from finish();
rollback;
