begin;
\ir ../helpers.sql
select plan(7);

select pg_temp.place_due_order('order', '{cs_1,pi_2}');
update lapse.payments set evidence = '{"intent": "pi_9", "status": "open"}' where stripe_id = 'cs_1';
update lapse.payments
set state = 'paid', reason = 'paid', evidence = '{"amount_received": 1, "source": "mark_paid"}', closed_at = pg_temp.noon()
where stripe_id = 'pi_2';
select pg_temp.begin_run('run'), pg_temp.claim('run');
select pg_temp.settle('run', array[pg_temp.decide('order', 'quarantined', array[
  pg_temp.said('cs_1', 'kept') || '{"evidence": {"status": "expired"}, "reason": "slow_method"}',
  pg_temp.said('pi_2', 'kept', 'paid') || '{"evidence": {"status": "canceled"}, "reason": "paid_record_contradicted"}'
], 'paid_record_contradicted')]);

select is(
  (select evidence from lapse.payments where stripe_id = 'cs_1'), '{"intent": "pi_9", "status": "expired"}',
  'a later look that does not name a session''s own intent does not lose it'
);
select is((select state from lapse.payments where stripe_id = 'pi_2'), 'paid', 'a payment recorded as paid stays paid');
select is(
  (select evidence from lapse.payments where stripe_id = 'pi_2'), '{"amount_received": 1, "source": "mark_paid"}',
  'with the evidence for it'
);
select is(
  (select reason from lapse.payments where stripe_id = 'pi_2'), 'paid_record_contradicted', 'and says that Stripe contradicts it now'
);

-- A quarantined order is its operator's.
update lapse.orders set next_check_at = pg_temp.noon() - interval '1 minute';
select pg_temp.claim('run');
select is(
  pg_temp.settled('run', array[pg_temp.decide('order', 'expired', array[pg_temp.said('cs_1', 'canceled')])]),
  '{"outcomes": {}, "superseded": 1}', 'no run closes a quarantined order as unpaid'
);
select is(pg_temp.told('order', 'status'), 'quarantined', 'it stays quarantined');

-- Somebody holds the shop's row: then the ledger tells that an order is closed.
select pg_temp.place_due_order('expired', '{pi_3}');
update lapse.payments set state = 'dead', evidence = '{}', closed_at = pg_temp.noon() where stripe_id = 'pi_3';
update lapse.orders set status = 'expired', closed_at = pg_temp.noon() where ref = pg_temp.ref('expired');
select lapse.record_payments(array[pg_temp.ref('expired')], '{pi_late}', null, 'list', pg_temp.noon());
select pg_temp.claim('run');
create or replace function lapse_shop.lock_orders(p_refs text[], p_wait boolean)
returns table (ref text, state text, units bigint, stripe_ids text[])
language sql
as 'select null::text, null::text, null::bigint, null::text[] where false';
select pg_temp.settle('run', array[pg_temp.decide('expired', 'checked', array[pg_temp.said('pi_late', 'found_paid')])]);
select is(
  (select outcome || ', ' || reason from lapse.decisions where stripe_id = 'pi_late'), 'late_payment, order_expired',
  'money for an expired order is late even while its row is locked'
);

select * from finish();
rollback;
