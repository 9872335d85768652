begin;
\ir ../helpers.sql
select plan(2);

select pg_temp.place_due_order('a');
select pg_temp.place_due_order('b');
select pg_temp.begin_run('run');
update lapse.runs set ref = pg_temp.ref('a');

select is(lapse.claim_without_payments(pg_temp.id('run'), 1, 10, pg_temp.noon()), '[]', 'none here');
select is(pg_temp.claim('run'), 1, 'its own with the claim for all orders');

select * from finish();
rollback;
