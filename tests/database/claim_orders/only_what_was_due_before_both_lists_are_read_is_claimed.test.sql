begin;
\ir ../helpers.sql
select plan(17);

-- A payment the shop never attached can still be paid: an order is claimed once everything up to the time it was due is
-- read, and nearly up to the run's beginning.
select pg_temp.place_due_order('older', '{pi_1}', p_due_for => '4 minutes');
select pg_temp.place_due_order('newer', '{pi_2}', p_due_for => '3 minutes');
select pg_temp.place_due_order('bare');
delete from lapse.list_cursors;
select pg_temp.begin_run('run');
create function pg_temp.claimed() returns text[]
language sql
as $$
  select array(
    select name
    from jsonb_array_elements(lapse.claim_orders(pg_temp.id('run'), 1, 10, pg_temp.noon())) o
    join unnest('{old,older,newer,bare}'::text[]) name on pg_temp.ref(name) = o ->> 'ref'
    order by 1
  )
$$;

select is(pg_temp.claimed(), '{}', 'no list was ever read');
select is(lapse.claim_without_payments(pg_temp.id('run'), 1, 10, pg_temp.noon()), '[]'::jsonb, 'which holds for orders without payments, too');
select is(pg_temp.close_without_payments('run') ->> 'moved', '0', 'and for closing them');
select pg_temp.cursors_at(pg_temp.noon());
delete from lapse.list_cursors where list = 'checkout_sessions';
select is(pg_temp.claimed(), '{}', 'one list of two is not enough');
select pg_temp.cursors_at(pg_temp.noon() - interval '4 minutes');
select is(pg_temp.claimed(), '{}', 'nor are both up to the time it was due');
update lapse.list_cursors set read_to = pg_temp.noon() where list = 'checkout_sessions';
select is(pg_temp.claimed(), '{}', 'the one that is behind counts');
select pg_temp.cursors_at(pg_temp.noon() - interval '4 minutes' + interval '1 second');
select is(pg_temp.claimed(), '{older}', 'a moment more is');

-- Another run read the list past its due time, but a payment may have been created since.
select pg_temp.place_due_order('old', '{pi_0}', p_due_for => '2 hours');
select pg_temp.cursors_at(pg_temp.noon() - interval '5 minutes');
select is(pg_temp.claimed(), '{}', 'nor is what was read past its due time, but five minutes ago');
update lapse.runs set ref = pg_temp.ref('old');
select is(pg_temp.claimed(), '{}', 'which holds for a run of one order, too');
select pg_temp.cursors_at(pg_temp.noon() - interval '5 minutes' + interval '1 second');
select is(pg_temp.claimed(), '{old}', 'until it is read again');
update lapse.runs set ref = null;
update lapse.orders set next_check_at = pg_temp.noon() - interval '1 second' where ref = pg_temp.ref('old');
select pg_temp.cursors_at(pg_temp.noon() - interval '5 minutes');
select is(pg_temp.claimed(), '{}', 'an order whose claim expired waits for the list as well');
select pg_temp.cursors_at(pg_temp.noon() - interval '5 minutes' + interval '1 second');
select is(pg_temp.claimed(), '{old}', 'but not past the end of that claim');

-- The mode of the run's own key counts, once it is known.
insert into lapse.list_cursors (account, livemode, list, read_from, read_to)
select '', true, list, pg_temp.noon() - interval '1 day', pg_temp.noon() - interval '10 minutes'
from unnest('{payment_intents,checkout_sessions}'::text[]) list;
select pg_temp.cursors_at(pg_temp.noon());
update lapse.runs set livemode = true;
select is(pg_temp.claimed(), '{}', 'what was read in test mode says nothing of live payments');
update lapse.runs set livemode = false;

select pg_temp.place_due_order('newest', '{pi_3}', p_due_for => '30 minutes');
create function pg_temp.claimed_newest() returns text
language sql
as $$ select o ->> 'ref' from jsonb_array_elements(lapse.claim_orders(pg_temp.id('run'), 1, 1, pg_temp.noon())) o $$;
update lapse.orders set next_check_at = pg_temp.noon() - interval '3 hours' where ref = pg_temp.ref('newest');
select is(pg_temp.claimed_newest(), pg_temp.ref('newest'), 'nor does the live list hold up what is of test mode');

-- An order of a connected account waits for the lists of that account.
update lapse.orders set account = 'acct_1' where ref = pg_temp.ref('newer');
select is(pg_temp.claimed(), '{}', 'what was read of one account says nothing of another');
select pg_temp.cursors_at(pg_temp.noon(), 'acct_1');
select is(pg_temp.claimed(), '{newer}', 'until that one''s lists are read');
select is(pg_temp.close_without_payments('run') ->> 'expired', '1', 'the order without payments is closed as soon as it may be');

select * from finish();
rollback;
