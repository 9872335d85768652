begin;
\ir ../helpers.sql
select plan(15);

-- What a run says of a payment that it could not cancel.
create function pg_temp.kept(p_stripe_id text, p_reason text) returns jsonb
language sql
as $$ select pg_temp.said(p_stripe_id, 'kept') || jsonb_build_object('reason', p_reason) $$;

create function pg_temp.declare_dead(p_stripe_id text, p_reason text default 'boleto lapsed', p_by text default 'ops') returns jsonb
language sql
as $$ select lapse.declare_dead(p_stripe_id, p_reason, p_by, pg_temp.noon()) $$;

select pg_temp.place_due_order('unclosable', '{cs_1,pi_1}');
select pg_temp.place_due_order('puzzling', '{cs_2}');
select pg_temp.place_due_order('waiting', '{cs_3}');
select pg_temp.begin_run('run'), pg_temp.claim('run');
select pg_temp.settle('run', array[
  pg_temp.decide(
    'unclosable', 'quarantined', array[pg_temp.kept('cs_1', 'checkout_unclosable'), pg_temp.kept('pi_1', 'sibling_waits')],
    'checkout_unclosable'
  ),
  pg_temp.decide('puzzling', 'quarantined', array[pg_temp.kept('cs_2', 'unknown_status')], 'unknown_status'),
  pg_temp.decide('waiting', 'retry', array[pg_temp.kept('cs_3', 'checkout_unclosable')])
]);
create temp table before as select pg_temp.everything() as all;

select throws_ok(
  format('select pg_temp.declare_dead(%L, %L, %L)', 'cs_1', reason, by), '22023',
  'Cannot declare payment dead: a reason and the name of the operator are required', 'not without a reason and a name'
)
from (values (null, 'ops'), (' ', 'ops'), ('why', null), ('why', '')) as it (reason, by);
select throws_ok(
  $$ select pg_temp.declare_dead('cs_9') $$, 'PT404', 'Cannot declare payment cs_9 dead: Lapse does not know it', 'not an unknown payment'
);
select throws_ok(
  $$ select pg_temp.declare_dead('pi_1') $$, 'PT409',
  'Cannot declare payment pi_1 dead: its last inspection ended as sibling_waits, so Stripe may still have an answer',
  'not another payment of the order'
);
select throws_ok(
  $$ select pg_temp.declare_dead('cs_2') $$, 'PT409',
  'Cannot declare payment cs_2 dead: its last inspection ended as unknown_status, so Stripe may still have an answer',
  'not what Stripe may still say more about'
);
select throws_ok(
  $$ select pg_temp.declare_dead('cs_3') $$, 'PT409', 'Cannot declare payment cs_3 dead: its order is pending, not quarantined',
  'not while the job has the order'
);
select is(pg_temp.everything(), b.all, 'and nothing has happened so far') from before b;

select is(pg_temp.declare_dead('cs_1') ->> 'ref', pg_temp.ref('unclosable'), 'a payment that Stripe cannot cancel is declared dead with a reason');
select row_eq(
  $$ select state, reason, evidence from lapse.payments where stripe_id = 'cs_1' $$,
  row('dead'::text, 'declared_dead'::text, jsonb_build_object(
    'status', 'test', 'declared_by', 'ops', 'declared_because', 'boleto lapsed', 'declared_at', pg_temp.noon(),
    'last_reason', 'checkout_unclosable'
  )), 'Stripe''s last answer stays, with who declared it and why'
);
select row_eq(
  $$ select status, reason, next_check_at, failures from lapse.orders where ref = pg_temp.ref('unclosable') $$,
  row('pending'::text, 'redriven by ops: cs_1 declared dead: boleto lapsed'::text, pg_temp.noon() - interval '5 minutes', 0),
  'the job has its order back'
);
select results_eq(
  $$ select d.outcome, d.reason, r.status, r.requested_by, r.reason
     from lapse.decisions d join lapse.runs r on r.id = d.run_id where d.reason = 'declared_dead' $$,
  $$ values ('found_dead', 'declared_dead', 'succeeded', 'ops', 'boleto lapsed') $$, 'and who and why can be read as a decision'
);
select throws_ok($$ select pg_temp.declare_dead('cs_1') $$, 'PT409', 'Cannot declare payment cs_1 dead: it is dead', 'once is enough');
select bag_eq(
  $$ select reason from unnest('{payment_not_found,account_access_lost,wrong_mode,foreign_payment,checkout_unclosable,session_recoverable,
       processing,voucher_open,amount_mismatch,server_error,unknown_status,funding_unknown}'::text[]) reason
     where lapse.needs_operator(reason) $$,
  $$ values ('payment_not_found'), ('account_access_lost'), ('wrong_mode'), ('foreign_payment'), ('checkout_unclosable'), ('session_recoverable') $$,
  'the same holds for every payment that Stripe can neither find nor cancel, and for none that may still bring money'
);

select * from finish();
rollback;
