begin;
\ir ../helpers.sql
select plan(7);

-- A payment that the shop never attached may be as old as its order. The lists are read from the oldest order that was
-- known when their cursors were made; one that is noted later may be older.
select pg_temp.place_due_order('known');
update lapse.list_cursors set read_from = pg_temp.noon() - interval '1 day';
insert into lapse.list_cursors (account, livemode, list, read_from, read_to)
values ('acct_1', false, 'payment_intents', pg_temp.noon() - interval '1 day', pg_temp.noon());
create function pg_temp.period(p_account text default '') returns text
language sql
as $$
  select string_agg(distinct (c.read_from - pg_temp.noon()) || ' to ' || (c.read_to - pg_temp.noon()), ', ')
  from lapse.list_cursors c where c.account = p_account
$$;
create function pg_temp.watch(p_ref text, p_placed_ago interval) returns jsonb
language sql
as $$
  select to_jsonb(lapse.watch_order(
    p_ref => p_ref, p_amount => 1000, p_currency => 'eur', p_deadline => pg_temp.noon() - interval '1 hour',
    p_placed_at => pg_temp.noon() - p_placed_ago, p_now => pg_temp.noon()
  ))
$$;

select pg_temp.watch('young', '23 hours');
select is(pg_temp.period(), '-1 days to 00:00:01', 'an order of the period that is read changes nothing');
select pg_temp.watch('old', '10 days');
select is(pg_temp.period(), '-10 days to -10 days', 'an older one is read from where it was placed');
select is(pg_temp.period('acct_1'), '-1 days to 00:00:00', 'in its own account only');
select pg_temp.begin_run('run');
select is(pg_temp.close_without_payments('run') ->> 'expired', '0', 'until then no order of the account is closed');
select is(
  (select count(*) from jsonb_array_elements(lapse.list_windows(pg_temp.id('run'), 1, false, pg_temp.noon()))), 2::bigint, 'the run reads both lists again'
);
select pg_temp.cursors_at(pg_temp.noon());
select is(pg_temp.close_without_payments('run') ->> 'expired', '3', 'and then closes them');

select pg_temp.watch('ancient', '2 years');
select is(pg_temp.period(), '-90 days to 00:00:00', 'one that no list can tell about is quarantined and moves nothing');

select * from finish();
rollback;
