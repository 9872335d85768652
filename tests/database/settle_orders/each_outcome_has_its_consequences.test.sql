begin;
\ir ../helpers.sql
select plan(10);

select pg_temp.place_due_order('expired', '{pi_1,cs_1}', p_quantity => 2);
select pg_temp.place_due_order('paid', '{pi_2,pi_3}', p_quantity => 3);
select pg_temp.place_due_order('waiting', '{pi_4}', p_quantity => 5);
select pg_temp.place_due_order('quarantined', '{pi_5}', p_quantity => 7);
select pg_temp.place_due_order('retry', '{pi_6}', p_quantity => 11);
select pg_temp.begin_run('run'), pg_temp.claim('run');
update lapse.orders set failures = 3 where ref <> pg_temp.ref('retry');

select is(
  pg_temp.settled('run', array[
    pg_temp.decide('expired', 'expired', array[pg_temp.said('pi_1', 'canceled'), pg_temp.said('cs_1', 'found_dead')], 'all_dead'),
    pg_temp.decide('paid', 'paid', array[pg_temp.said('pi_2', 'found_paid'), pg_temp.said('pi_3', 'canceled')], 'paid'),
    pg_temp.decide('waiting', 'waiting', array[pg_temp.said('pi_4', 'kept')], 'processing', pg_temp.noon() + interval '1 hour'),
    pg_temp.decide('quarantined', 'quarantined', array[pg_temp.said('pi_5', 'kept')], 'foreign_payment'),
    pg_temp.decide('retry', 'retry', array[pg_temp.said('pi_6', 'kept')], 'timeout')
  ]),
  '{"outcomes": {"expired": 1, "paid": 1, "waiting": 1, "quarantined": 1, "retry": 1}, "superseded": 0}', 'the answer counts outcomes'
);
select results_eq(
  $$ select status, reason, closed_at, run_id, failures, looks from lapse.orders order by reason $$,
  $$ values
    ('expired', 'all_dead', pg_temp.noon(), null::uuid, 3, 1),
    ('quarantined', 'foreign_payment', null::timestamptz, null, 3, 1),
    ('paid', 'paid', pg_temp.noon(), null, 3, 1),
    ('pending', 'processing', null, null, 0, 1),
    ('pending', 'timeout', null, null, 1, 1) $$,
  'each order has the status of its decision; waiting resets the failures'
);
select results_eq(
  $$ select name, pg_temp.told(name, 'next_check_at') is null from unnest('{expired,paid,quarantined,retry,waiting}'::text[]) name $$,
  $$ values ('expired', true), ('paid', true), ('quarantined', true), ('retry', false), ('waiting', false) $$,
  'only what waits or failed is looked at again'
);
select results_eq(
  $$ select stripe_id collate "default", state, reason, evidence, checked_at, closed_at from lapse.payments order by stripe_id $$,
  $$ values
    ('cs_1', 'dead', 'test', '{"status": "test"}'::jsonb, pg_temp.noon(), pg_temp.noon()),
    ('pi_1', 'dead', 'test', '{"status": "test"}', pg_temp.noon(), pg_temp.noon()),
    ('pi_2', 'paid', 'test', '{"status": "test"}', pg_temp.noon(), pg_temp.noon()),
    ('pi_3', 'dead', 'test', '{"status": "test"}', pg_temp.noon(), pg_temp.noon()),
    ('pi_4', 'open', 'test', '{"status": "test"}', pg_temp.noon(), null),
    ('pi_5', 'open', 'test', '{"status": "test"}', pg_temp.noon(), null),
    ('pi_6', 'open', 'test', '{"status": "test"}', pg_temp.noon(), null) $$,
  'each payment carries Stripe''s answer'
);
select results_eq(
  $$ select status, count(*)::int from public.orders group by status order by status $$,
  $$ values ('expired', 1), ('paid', 1), ('pending', 3) $$, 'the shop''s orders follow'
);
select results_eq(
  'select quantity, state from public.stock_reservations order by quantity',
  $$ values (2, 'released'), (3, 'consumed'), (5, 'held'), (7, 'held'), (11, 'held') $$,
  'stock is released for the expired order, consumed for the paid one, and held for every other'
);
select results_eq('select on_hand, reserved from public.inventory', 'values (997, 23)', 'and inventory agrees');

select results_eq(
  $$ select ref collate "default", outcome, reason, units_released from lapse.decisions where subject = 'order' order by outcome $$,
  $$ values
    (pg_temp.ref('expired'), 'expired', 'all_dead', 2::bigint),
    (pg_temp.ref('paid'), 'paid', 'paid', 0),
    (pg_temp.ref('quarantined'), 'quarantined', 'foreign_payment', 0),
    (pg_temp.ref('retry'), 'retry', 'timeout', 0),
    (pg_temp.ref('waiting'), 'waiting', 'processing', 0) $$,
  'one decision for each order, with its reason'
);
select results_eq(
  $$ select stripe_id collate "default", subject, outcome, ref collate "default", evidence
     from lapse.decisions where subject <> 'order' order by stripe_id limit 2 $$,
  $$ values
    ('cs_1', 'checkout_session', 'found_dead', pg_temp.ref('expired'), '{"status": "test"}'::jsonb),
    ('pi_1', 'payment_intent', 'canceled', pg_temp.ref('expired'), '{"status": "test"}') $$,
  'and one for each payment, with its evidence'
);
select is((select count(*) from lapse.decisions), 12::bigint, 'and no others');

select * from finish();
rollback;
