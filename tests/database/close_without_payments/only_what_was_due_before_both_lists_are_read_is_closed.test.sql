begin;
\ir ../helpers.sql
select plan(9);

-- An order that has no payment may have one that the shop never attached: it is closed once everything up to the time
-- it was due is read, and nearly up to the run's beginning.
select pg_temp.place_due_order('bare', p_due_for => '4 minutes');
delete from lapse.list_cursors;
select pg_temp.begin_run('run');
create function pg_temp.closed() returns text
language sql
as $$ select pg_temp.close_without_payments('run') ->> 'expired' $$;

select is(pg_temp.closed(), '0', 'no list was ever read');
select pg_temp.cursors_at(pg_temp.noon());
delete from lapse.list_cursors where list = 'checkout_sessions';
select is(pg_temp.closed(), '0', 'one list of two is not enough');
select pg_temp.cursors_at(pg_temp.noon() - interval '4 minutes');
select is(pg_temp.closed(), '0', 'nor are both up to the time it was due');
update lapse.list_cursors set read_to = pg_temp.noon() where list = 'checkout_sessions';
select is(pg_temp.closed(), '0', 'the one that is behind counts');

-- A payment may have been created since the list was read.
update lapse.orders set next_check_at = pg_temp.noon() - interval '1 hour';
select pg_temp.cursors_at(pg_temp.noon() - interval '5 minutes');
select is(pg_temp.closed(), '0', 'nor is what was read past its due time, but five minutes ago');
update lapse.orders set next_check_at = pg_temp.noon() - interval '4 minutes';

select pg_temp.cursors_at(pg_temp.noon());
update lapse.runs set livemode = true;
select is(pg_temp.closed(), '0', 'what was read in test mode says nothing of live payments');
update lapse.runs set livemode = false;
update lapse.orders set account = 'acct_1';
select is(pg_temp.closed(), '0', 'what was read of one account says nothing of another');
select pg_temp.cursors_at(pg_temp.noon() - interval '4 minutes' + interval '1 second', 'acct_1');
select is(pg_temp.closed(), '1', 'until that one''s lists are read');
select is(pg_temp.told('bare', 'status'), 'expired', 'and then it is closed');

select * from finish();
rollback;
