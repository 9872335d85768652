begin;
\ir ../helpers.sql
\ir ../cleanup.sql
select plan(4);

select pg_temp.place_due_order('due');
delete from lapse.list_cursors where list = 'checkout_sessions';
select pg_temp.begin_run('run');
select is(
  (select jsonb_agg(w -> 'list' order by w -> 'list') from jsonb_array_elements(lapse.list_windows(pg_temp.id('run'), 1, false, pg_temp.noon())) w),
  '["checkout_sessions", "payment_intents"]', 'a list that was never read is read, however far the other one is'
);
select is((select count(*) from lapse.list_cursors), 2::bigint, 'and has a cursor from then on');

insert into lapse.list_cursors (account, livemode, list, read_from, read_to)
values ('', true, 'payment_intents', pg_temp.noon(), pg_temp.noon());
select lapse.list_failed(pg_temp.id('run'), 1, true, '', 'payment_intents', 'key_rejected', pg_temp.noon());
select results_eq(
  'select livemode, list from lapse.list_cursors where failing_since is not null', $$ values (true, 'payment_intents') $$,
  'a list that fails in live mode fails in no other'
);
select pg_temp.record_listed('run', '{}', pg_temp.noon(), pg_temp.noon());
select is(
  (select count(*) from lapse.list_cursors where failing_since is not null), 1::bigint, 'nor does reading another one heal it'
);

select * from finish();
rollback;
