begin;
\ir ../helpers.sql
\ir ../cleanup.sql
select plan(4);

-- After a restore the table of payments is empty, and every order seems to have none.
select pg_temp.place_due_order('restored', '{pi_1}'), pg_temp.place_due_order('bare');
select set_config('lapse.retaining', 'on', true);
delete from lapse.payments;
update lapse.orders set payments = 0;
select pg_temp.cursors_at(pg_temp.noon() - interval '1 day');
select pg_temp.begin_run('run');
select is(pg_temp.close_without_payments('run') ->> 'moved', '0', 'before the lists are read no order is closed');
select pg_temp.record_listed(
  'run', array[pg_temp.listed('pi_1', pg_temp.ref('restored'), pg_temp.noon() - interval '2 hours')], pg_temp.noon() - interval '1 day',
  pg_temp.noon() - interval '1 minute', list
) from unnest('{payment_intents,checkout_sessions}'::text[]) list;
select is(pg_temp.close_without_payments('run') ->> 'expired', '1', 'then the one that really has no payment is');
select is(pg_temp.told('restored', 'status'), 'pending', 'the other one');
select is(pg_temp.claim('run'), 1, 'is claimed with its payment');

select * from finish();
rollback;
