begin;
\ir ../helpers.sql
select plan(5);

select pg_temp.place_due_order('a', '{pi_1}'), pg_temp.place_due_order('b', '{pi_2}');
select pg_temp.begin_run('run'), pg_temp.claim('run');
create or replace function lapse_shop.finish_orders(p_expired text[], p_paid text[]) returns void language sql as '';
create temp table before as select pg_temp.everything() as hash;
prepare settle_both as select pg_temp.settle('run', array[
  pg_temp.decide('a', 'expired', array[pg_temp.said('pi_1', 'canceled')]), pg_temp.decide('b', 'paid', array[pg_temp.said('pi_2', 'found_paid')])
]);

select throws_ok('execute settle_both', 'LP002', null, 'it is asked again after it said that it had');
select is(pg_temp.everything(), hash, 'and nothing of the batch is left') from before;
select is(
  pg_temp.settled('run', array[pg_temp.decide('a', 'retry', p_reason => 'settlement_refused'), pg_temp.decide('b', 'waiting')]),
  '{"outcomes": {"retry": 1, "waiting": 1}, "superseded": 0}', 'what closes nothing in the shop can be settled'
);
select is(pg_temp.told('a', 'failures'), '1', 'as a failed attempt of the one to blame');
select is((select orders_expired from lapse.runs), 0::bigint, 'nothing is counted that did not happen');

select * from finish();
rollback;
