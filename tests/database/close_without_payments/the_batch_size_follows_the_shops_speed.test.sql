begin;
\ir ../helpers.sql
select plan(9);

update lapse.settings set close_batch = 40;
select pg_temp.place_due_order('order ' || n) from generate_series(1, 12) n;
select pg_temp.begin_run('run');
create function pg_temp.shrink() returns integer
language sql
as $$ select lapse.shrink_close_batch(pg_temp.id('run'), 1, pg_temp.noon()) $$;

select is(pg_temp.shrink(), 20, 'a timeout halves it');
select is(array[pg_temp.shrink(), pg_temp.shrink(), pg_temp.shrink(), pg_temp.shrink()], '{10,5,2,1}', 'again and again');
select is(pg_temp.shrink(), 1, 'but one order is the least');
select is(pg_temp.close_without_payments('run') ->> 'expired', '1', 'a statement closes no more than that');

-- however long that one took
update lapse.jobs set close_batch = 2 where job = 'expire-stale-orders';
select lapse.fit_close_batch('expire-stale-orders', 0.1, 2);
select is(lapse.close_batch('expire-stale-orders'), 4, 'each quick one doubles it');
select lapse.fit_close_batch('expire-stale-orders', 0.1, 3);
select is(lapse.close_batch('expire-stale-orders'), 4, 'but one that was not full shows nothing');
select lapse.fit_close_batch('expire-stale-orders', 0.3, 4);
select is(lapse.close_batch('expire-stale-orders'), 4, 'one that is neither quick nor slow leaves it');
select lapse.fit_close_batch('expire-stale-orders', 0.6, 4);
select is(lapse.close_batch('expire-stale-orders'), 2, 'and one that held orders of the shop for longer than half a second halves it');
update lapse.jobs set close_batch = 20;
select lapse.fit_close_batch('expire-stale-orders', 0.1, 20);
select is((select close_batch from lapse.jobs where job = 'expire-stale-orders'), null, 'until it is what the settings say');

select * from finish();
rollback;
