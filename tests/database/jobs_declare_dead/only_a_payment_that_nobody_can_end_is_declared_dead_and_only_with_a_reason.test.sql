begin;
\ir ../helpers.sql
select plan(14);

-- What a run says of a payment that it could not end.
create function pg_temp.kept(p_stripe_id text, p_reason text) returns jsonb
language sql
as $$ select pg_temp.said(p_stripe_id, 'kept') || jsonb_build_object('reason', p_reason) $$;

create function pg_temp.declare_dead(p_stripe_id text, p_reason text default 'boleto lapsed', p_actor text default 'ops') returns jsonb
language sql
as $$ select public.jobs_declare_dead(p_stripe_id, null, p_reason, p_actor, pg_temp.noon()) $$;

select pg_temp.place_due_order('unclosable', '{cs_1,pi_1}');
select pg_temp.place_due_order('unknown', '{cs_2}');
select pg_temp.place_due_order('waiting', '{cs_3}');
select pg_temp.begin_run('run'), pg_temp.claim('run');
select pg_temp.settle('run', array[
  pg_temp.decide(
    'unclosable', 'quarantined', array[pg_temp.kept('cs_1', 'checkout_unclosable'), pg_temp.kept('pi_1', 'sibling_waits')],
    'checkout_unclosable'
  ),
  pg_temp.decide('unknown', 'quarantined', array[pg_temp.kept('cs_2', 'unknown_status')], 'unknown_status'),
  pg_temp.decide('waiting', 'retry', array[pg_temp.kept('cs_3', 'checkout_unclosable')])
]);
create temp table before as select pg_temp.everything() as all;

select throws_ok(
  format('select pg_temp.declare_dead(%L, %L, %L)', 'cs_1', reason, actor), '22023',
  'Cannot declare payment dead without a reason and a name: current value is empty', 'not without a reason and a name'
)
from (values (null, 'ops'), (' ', 'ops'), ('why', null), ('why', '')) as it (reason, actor);
select throws_ok(
  $$ select pg_temp.declare_dead('cs_9') $$, 'PT404',
  'Cannot declare payment dead as it was never attached: current value is cs_9', 'not a payment nobody attached'
);
select throws_ok(
  $$ select pg_temp.declare_dead('pi_1') $$, 'PT409',
  'Cannot declare payment pi_1 dead as its last look did not end as checkout_unclosable: current value is sibling_waits',
  'not another payment of the order'
);
select throws_ok(
  $$ select pg_temp.declare_dead('cs_2') $$, 'PT409',
  'Cannot declare payment cs_2 dead as its last look did not end as checkout_unclosable: current value is unknown_status',
  'not what Stripe may still say more about'
);
select throws_ok(
  $$ select pg_temp.declare_dead('cs_3') $$, 'PT409',
  'Cannot declare payment cs_3 dead as its order is not quarantined: current value is pending', 'not while the job has the order'
);
select is(pg_temp.everything(), b.all, 'and nothing has happened so far') from before b;

select is(
  pg_temp.declare_dead('cs_1') ->> 'orderId', pg_temp.id('unclosable')::text, 'a payment that nobody can end is declared dead with a reason'
);
select row_eq(
  $$ select state, reason, evidence from public.order_payments where stripe_id = 'cs_1' $$,
  row('dead'::text, 'declared_dead'::text, jsonb_build_object(
    'status', 'test', 'declared_by', 'ops', 'declared_because', 'boleto lapsed', 'declared_at', pg_temp.noon()
  )), 'Stripe''s last answer stays, with who declared it and why'
);
select row_eq(
  $$ select status, status_reason, next_check_at, failures from public.orders where id = pg_temp.id('unclosable') $$,
  row('pending'::text, 'redriven by ops: cs_1 declared dead: boleto lapsed'::text, pg_temp.noon(), 0), 'the job has its order back'
);
select results_eq(
  $$ select d.outcome, d.reason, r.status, r.requested_by, r.reason
     from public.job_decisions d join public.job_runs r on r.id = d.run_id where d.reason = 'declared_dead' $$,
  $$ values ('found_dead', 'declared_dead', 'succeeded', 'ops', 'boleto lapsed') $$, 'and who and why can be read as a decision'
);
select throws_ok(
  $$ select pg_temp.declare_dead('cs_1') $$, 'PT409',
  'Cannot declare payment cs_1 dead as it is not open: current value is dead', 'once is enough'
);

select * from finish();
rollback;
