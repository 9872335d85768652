begin;
\ir ../helpers.sql
select plan(20);

create function pg_temp.kept(p_stripe_id text, p_reason text, p_evidence jsonb default '{"status": "test"}') returns jsonb
language sql
as $$ select pg_temp.said(p_stripe_id, 'kept') || jsonb_build_object('reason', p_reason, 'evidence', p_evidence) $$;
create function pg_temp.resolve(p_name text) returns uuid
language sql
as $$ select (lapse.resolve_order(pg_temp.ref(p_name), 'expired', 'called the bank', 'ann', pg_temp.noon()) ->> 'runId')::uuid $$;
create function pg_temp.begin_it(p_run_id uuid) returns integer
language sql
as $$
  select lapse.begin_run(p_run_id, 'expire-stale-orders', 'server', p_now => pg_temp.noon());
  select jsonb_array_length(lapse.claim_orders(p_run_id, r.fence, 1, pg_temp.noon())) from lapse.runs r where r.id = p_run_id;
$$;
create function pg_temp.settle_it(p_run_id uuid, p_decision jsonb) returns jsonb
language sql
as $$
  select lapse.settle_orders(p_run_id, r.fence, jsonb_build_array(p_decision), pg_temp.noon()) - '{paymentsPerSecond,waitForShare}'::text[]
  from lapse.runs r where r.id = p_run_id
$$;
create function pg_temp.end_it(p_run_id uuid) returns void
language sql
as $$ select lapse.finish_run(p_run_id, 'succeeded', p_now => pg_temp.noon()) $$;

select pg_temp.place_due_order('lost', '{pi_1,pi_2}', p_quantity => 3), pg_temp.place_due_order('mixed', '{pi_3,pi_4}');
select pg_temp.place_due_order('bank', '{pi_5}'), pg_temp.place_due_order('paid in part', '{pi_6}'), pg_temp.place_due_order('received', '{pi_7}');
select pg_temp.place_due_order('free', '{}'), pg_temp.place_due_order('waiting', '{pi_8}'), pg_temp.place_due_order('attached', '{pi_9}');
update lapse.orders set amount = 0 where ref = pg_temp.ref('free');
select pg_temp.begin_run('run'), pg_temp.claim('run'), pg_temp.close_without_payments('run');
select pg_temp.settle('run', array[
  pg_temp.decide('lost', 'quarantined', array[pg_temp.kept('pi_1', 'payment_not_found'), pg_temp.said('pi_2', 'canceled')]),
  pg_temp.decide('mixed', 'quarantined', array[pg_temp.kept('pi_3', 'payment_not_found'), pg_temp.kept('pi_4', 'sibling_waits')]),
  pg_temp.decide('bank', 'quarantined', array[pg_temp.kept('pi_5', 'processing')]),
  pg_temp.decide('paid in part', 'quarantined', array[pg_temp.said('pi_6', 'found_paid')], 'amount_mismatch'),
  pg_temp.decide('received', 'quarantined', array[pg_temp.kept('pi_7', 'unknown_status', '{"amount_received": 5}')]),
  pg_temp.decide('waiting', 'waiting'), pg_temp.decide('attached', 'quarantined', array[pg_temp.kept('pi_9', 'foreign_payment')])
]);
select pg_temp.end_it(pg_temp.id('run'));
create temp table before as select pg_temp.everything() as hash;

select throws_ok(
  $$ select pg_temp.resolve('paid in part') $$, 'PT409',
  format('Cannot resolve order %s as expired: payment pi_6 is paid', pg_temp.ref('paid in part')), 'not while money is there'
);
select throws_ok(
  $$ select pg_temp.resolve('bank') $$, 'PT409',
  format('Cannot resolve order %s as expired: payment pi_5 may still bring money: its last inspection ended as processing', pg_temp.ref('bank')),
  'nor while it may still come'
);
select throws_ok($$ select pg_temp.resolve('received') $$, 'PT409', null, 'nor while some of it has come');
select throws_ok(
  $$ select pg_temp.resolve('waiting') $$, 'PT409', format('Cannot resolve order %s as expired: it is pending, not quarantined', pg_temp.ref('waiting')),
  'nor while the job has the order'
);
select is(pg_temp.everything(), hash, 'and nothing has happened so far') from before;

create temp table lost as select pg_temp.resolve('lost') as run_id;
select row_eq(
  $$ select status, reason, next_check_at, failures from lapse.orders where ref = pg_temp.ref('lost') $$,
  row('pending'::text, 'resolved as expired by ann: called the bank'::text, pg_temp.noon() - interval '5 minutes', 0), 'the order is due'
);
select row_eq(
  $$ select r.status, r.ref collate "default", r.operator_word, r.requested_by, r.reason from lapse.runs r join lost l on l.run_id = r.id $$,
  row('queued'::text, pg_temp.ref('lost'), true, 'ann'::text, 'called the bank'::text), 'for a run that asks Stripe once more'
);
select is((select pg_temp.begin_it(run_id) from lost), 1, 'that run claims it');
select is(
  (select pg_temp.settle_it(run_id, pg_temp.decide('lost', 'quarantined', array[pg_temp.kept('pi_1', 'payment_not_found')])) from lost),
  '{"outcomes": {"expired": 1}, "superseded": 0}', 'where Stripe finds nothing still, the operator''s word counts'
);
select row_eq(
  $$ select status, reason from lapse.orders where ref = pg_temp.ref('lost') $$, row('expired'::text, 'operator_word'::text), 'the order expires by it'
);
select is(
  (select evidence - 'declared_at' from lapse.payments where stripe_id = 'pi_1'),
  '{"status": "test", "declared_by": "ann", "declared_because": "called the bank", "last_reason": "payment_not_found"}',
  'with Stripe''s answer and the operator''s word as evidence'
);
select is((select sum(quantity) from public.stock_reservations where state = 'released'), 3::bigint, 'and its stock is released');
select pg_temp.end_it(run_id) from lost;

-- What can be decided in another way is: only the lost payment is declared dead, the other one goes through the job.
create temp table mixed as select pg_temp.resolve('mixed') as run_id;
select pg_temp.begin_it(run_id) from mixed;
select is(
  (select pg_temp.settle_it(run_id, pg_temp.decide('mixed', 'quarantined', array[
    pg_temp.kept('pi_3', 'payment_not_found'), pg_temp.kept('pi_4', 'sibling_waits')
  ])) from mixed),
  '{"outcomes": {"handed_back": 1}, "superseded": 0}', 'what Stripe can end is ended by Stripe'
);
select results_eq(
  $$ select stripe_id collate "default", state from lapse.payments where ref = pg_temp.ref('mixed') order by 1 $$,
  $$ values ('pi_3', 'dead'), ('pi_4', 'open') $$, 'so the job looks at the rest'
);
select is(pg_temp.told('mixed', 'status'), 'pending', 'at once');
select pg_temp.end_it(run_id) from mixed;

-- Money that turned up between the word and the look is not overruled.
create temp table attached as select pg_temp.resolve('attached') as run_id;
select pg_temp.begin_it(run_id) from attached;
select is(
  (select pg_temp.settle_it(run_id, pg_temp.decide('attached', 'quarantined', array[pg_temp.said('pi_9', 'found_paid')], 'amount_mismatch')) from attached),
  '{"outcomes": {"quarantined": 1}, "superseded": 0}', 'money that arrives in the meantime is not overruled'
);
select is((select state from lapse.payments where stripe_id = 'pi_9'), 'paid', 'and recorded');
select pg_temp.end_it(run_id) from attached;

-- An order over nothing.
create temp table free as select pg_temp.resolve('free') as run_id;
select is((select pg_temp.begin_it(run_id) from free), 1, 'an order over nothing has a way out as well');
select is(
  (select pg_temp.settle_it(run_id, pg_temp.decide('free', 'quarantined', p_reason => 'nothing_to_pay')) from free),
  '{"outcomes": {"expired": 1}, "superseded": 0}', 'by the operator''s word'
);
select pg_temp.end_it(run_id) from free;

-- Another run takes nobody's word, not even one that an operator asked for.
create temp table synced as
  select (lapse.sync_order(pg_temp.ref('bank'), 'again', 'ann', pg_temp.noon()) ->> 'runId')::uuid as run_id;
select pg_temp.begin_it(run_id) from synced;
select is(
  (select pg_temp.settle_it(run_id, pg_temp.decide('bank', 'quarantined', array[pg_temp.kept('pi_5', 'payment_not_found')])) from synced),
  '{"outcomes": {"quarantined": 1}, "superseded": 0}', 'no other run expires what Stripe cannot find'
);

select * from finish();
rollback;
