begin;
\ir ../helpers.sql
\ir ../cleanup.sql
select plan(9);

select pg_temp.cursors_at(pg_temp.noon() - interval '10 hours');
select pg_temp.begin_cleanup('run');
create function pg_temp.read(p_from interval, p_to interval, p_list text default 'payment_intents') returns interval
language sql
as $$
  select (pg_temp.record_listed('run', '{}', pg_temp.noon() - p_from, pg_temp.noon() - p_to, p_list) ->> 'readTo')::timestamptz - pg_temp.noon()
$$;

select is(pg_temp.read('10 hours', '8 hours'), interval '-8 hours', 'a window that begins where the list is read to');
select is(pg_temp.read('9 hours', '7 hours'), interval '-7 hours', 'or before: windows overlap');
select is(pg_temp.read('9 hours', '8 hours'), interval '-7 hours', 'one that another run has read meanwhile moves nothing back');
select is(pg_temp.read('6 hours', '5 hours'), interval '-7 hours', 'one that would leave a gap moves nothing');
select is(
  (select read_to - pg_temp.noon() from lapse.list_cursors where list = 'checkout_sessions'), interval '-10 hours', 'the other list has its own'
);
select is(pg_temp.read('7 hours', '-1 hour'), interval '0', 'no list is read beyond the present');

select lapse.list_failed(pg_temp.id('run'), 1, false, '', 'checkout_sessions', 'timeout', pg_temp.noon());
select pg_temp.read('10 hours', '9 hours', 'checkout_sessions');
select is((select failing_since from lapse.list_cursors where list = 'checkout_sessions'), null, 'a list that was read does not fail any more');
select is((select proven_at from lapse.list_cursors where list = 'checkout_sessions'), null, 'an empty list proves nothing');
select throws_ok($$ select pg_temp.read('10 hours', '9 hours', 'charges') $$, 'PT404', null, 'there is no cursor over another list');

select * from finish();
rollback;
