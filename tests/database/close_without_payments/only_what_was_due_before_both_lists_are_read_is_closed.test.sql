begin;
\ir ../helpers.sql
select plan(8);

-- An order that has no payment may have one that the shop never attached: it is closed once everything up to the time
-- it was due is read.
select pg_temp.place_due_order('bare', p_due_for => '1 hour');
delete from lapse.list_cursors;
select pg_temp.begin_run('run');
create function pg_temp.closed() returns text
language sql
as $$ select pg_temp.close_without_payments('run') ->> 'expired' $$;

select is(pg_temp.closed(), '0', 'no list was ever read');
select pg_temp.cursors_at(pg_temp.noon());
delete from lapse.list_cursors where list = 'checkout_sessions';
select is(pg_temp.closed(), '0', 'one list of two is not enough');
select pg_temp.cursors_at(pg_temp.noon() - interval '1 hour');
select is(pg_temp.closed(), '0', 'nor are both up to the time it was due');
update lapse.list_cursors set read_to = pg_temp.noon() where list = 'checkout_sessions';
select is(pg_temp.closed(), '0', 'the one that is behind counts');

select pg_temp.cursors_at(pg_temp.noon());
update lapse.runs set livemode = true;
select is(pg_temp.closed(), '0', 'what was read in test mode says nothing of live payments');
update lapse.runs set livemode = false;
update lapse.orders set account = 'acct_1';
select is(pg_temp.closed(), '0', 'what was read of one account says nothing of another');
select pg_temp.cursors_at(pg_temp.noon() - interval '1 hour' + interval '1 second', 'acct_1');
select is(pg_temp.closed(), '1', 'until that one''s lists are read');
select is(pg_temp.told('bare', 'status'), 'expired', 'and then it is closed');

select * from finish();
rollback;
