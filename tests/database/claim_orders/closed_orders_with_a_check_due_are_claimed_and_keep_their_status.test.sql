begin;
\ir ../helpers.sql
\ir ../cleanup.sql
select plan(10);

-- Each with a leftover payment: whoever paid by one of two intents may still pay by the other.
select pg_temp.place_due_order('paid', '{pi_1,pi_2}'), pg_temp.place_due_order('quarantined', '{pi_3}'), pg_temp.place_due_order('open', '{pi_4}');
select pg_temp.mark_paid('paid', 'pi_1');
select pg_temp.begin_run('before'), pg_temp.claim('before');
select pg_temp.settle('before', array[pg_temp.decide('quarantined', 'quarantined'), pg_temp.decide('open', 'waiting')]);
select lapse.finish_run(pg_temp.id('before'), 'succeeded', p_now => pg_temp.noon());
update lapse.orders set next_check_at = pg_temp.noon() - interval '1 minute' where ref <> pg_temp.ref('open');
update lapse.orders set next_check_at = pg_temp.noon() where ref = pg_temp.ref('open');
insert into lapse.orders (ref, status, placed_at, deadline, next_check_at, due_since, payments)
values ('nobody knows it', 'unknown', pg_temp.noon(), pg_temp.noon(), pg_temp.noon() - interval '1 hour', pg_temp.noon(), 1);

create function pg_temp.claimed(p_run text, p_now timestamptz default pg_temp.noon()) returns text[]
language sql
as $$
  select array(
    select format('%s %s %s', coalesce(name, o ->> 'ref'), o ->> 'status', o ->> 'shopState')
    from lapse.runs r
    cross join jsonb_array_elements(lapse.claim_orders(r.id, r.fence, 10, p_now)) o
    left join unnest('{paid,quarantined,open}'::text[]) name on pg_temp.ref(name) = o ->> 'ref'
    where r.id = pg_temp.id(p_run)
    order by 1
  )
$$;

-- Nothing is released for an order that is not open, so no list has to be read first.
delete from lapse.list_cursors;
select pg_temp.begin_cleanup('cleanup');
select is(pg_temp.claimed('cleanup'), '{"nobody knows it unknown gone","paid paid "}', 'the clean-up takes closed and unknown orders');
select is(pg_temp.told('paid', 'status'), 'paid', 'which keep their status');
select is(pg_temp.told('paid', 'run_id'), pg_temp.id('cleanup')::text, 'and are the run''s all the same');
select is(pg_temp.told('paid', 'next_check_at')::timestamptz, pg_temp.noon() + interval '2 minutes', 'for the length of a lease');

select pg_temp.begin_run('expire');
select is(pg_temp.claimed('expire'), '{"quarantined quarantined "}', 'the other job takes every order that is not open and known');
select pg_temp.cursors_at(pg_temp.noon() + interval '1 second');
select is(pg_temp.claimed('expire'), '{"open open "}', 'and an open one once the lists are read');
select is(pg_temp.told('quarantined', 'status'), 'quarantined', 'a quarantined order stays quarantined');

-- The clean-up dies again and again: the order must not stop it for ever, and nobody hears of it through a quarantine.
update lapse.settings set max_attempts = 2;
select lapse.finish_run(pg_temp.id('cleanup'), 'failed', p_now => pg_temp.noon());
update lapse.orders set failures = 1, next_check_at = pg_temp.noon() where ref = pg_temp.ref('paid');
select pg_temp.begin_cleanup('second', pg_temp.noon() + interval '1 minute');
select is(pg_temp.claimed('second', pg_temp.noon() + interval '1 minute'), '{}', 'after its last attempt it is not claimed');
select is(
  pg_temp.told('paid', 'status') || ' until ' || (pg_temp.told('paid', 'next_check_at')::timestamptz - pg_temp.noon()),
  'paid until 7 days 00:01:00', 'it is looked at again in a week'
);
select is((select array_agg(key) from lapse.alerts where key like 'payments%'), '{payments_unclear:claim_lapsed}', 'and an alert says so');

select * from finish();
rollback;
