begin;
\ir ../helpers.sql
\ir ../cleanup.sql
select plan(4);

select pg_temp.begin_cleanup('old');
select pg_temp.begin_cleanup('new', pg_temp.noon() + interval '1 hour');
create temp table before as select pg_temp.everything() as hash;

select throws_ok($$ select pg_temp.plan_ends('old', array[pg_temp.payment('pi_1', 'gone')]) $$, 'LP001', null, 'it cannot set out to end a payment');
select throws_ok($$ select pg_temp.settle_payments('old', '{}') $$, 'LP001', null, 'it cannot settle');
select throws_ok($$ select pg_temp.next_slice('old') $$, 'LP001', null, 'it cannot begin a slice');
select is(pg_temp.everything(), (select hash from before), 'nothing was changed');

select * from finish();
rollback;
