begin;
\ir ../helpers.sql
\ir ../cleanup.sql
select plan(7);

select pg_temp.place_due_order('paid', '{pi_1,pi_2}'), pg_temp.mark_paid('paid', 'pi_1');
select pg_temp.begin_cleanup('old'), pg_temp.claim('old', pg_temp.noon());
select pg_temp.begin_cleanup('new', pg_temp.noon() + interval '1 hour');
create temp table before as select pg_temp.everything() as hash;

select throws_ok($$ select pg_temp.claim('old') $$, 'LP001', null, 'it cannot claim');
select throws_ok(
  $$ select pg_temp.settle('old', array[pg_temp.decide('paid', 'checked', array[pg_temp.said('pi_2', 'canceled')])]) $$, 'LP001', null,
  'it cannot settle'
);
select throws_ok(
  $$ select lapse.list_windows(pg_temp.id('old'), 1, false, pg_temp.noon()) $$, 'LP001', null, 'it cannot ask what to read'
);
select throws_ok(
  $$ select pg_temp.record_listed('old', '{}', pg_temp.noon(), pg_temp.noon()) $$, 'LP001', null, 'it cannot record what it read'
);
select throws_ok(
  $$ select lapse.list_failed(pg_temp.id('old'), 1, false, '', 'payment_intents', 'timeout', pg_temp.noon()) $$, 'LP001', null,
  'nor that it could not'
);
select throws_ok($$ select lapse.shrink_close_batch(pg_temp.id('old'), 1, pg_temp.noon()) $$, 'LP001', null, 'nor make the other''s batches smaller');
select is(pg_temp.everything(), (select hash from before), 'nothing was changed');

select * from finish();
rollback;
