begin;
\ir ../helpers.sql
select plan(9);

select pg_temp.place_due_order('old', p_due_for => '2 days');
select pg_temp.place_due_order('older', p_due_for => '3 days');
select pg_temp.place_due_order('young', p_due_for => '1 day');
select pg_temp.place_due_order('fresh', p_due_for => '-1 second');
select pg_temp.place_due_order('with payment', '{pi_1}', p_due_for => '4 days');
select pg_temp.begin_run('run');
create function pg_temp.claim_bare(p_limit integer, p_now timestamptz default pg_temp.noon()) returns text[]
language sql
as $$
  select array_agg(c ->> 'ref' order by n)
  from jsonb_array_elements(lapse.claim_without_payments(pg_temp.id('run'), 1, p_limit, p_now)) with ordinality x (c, n)
$$;

select is(pg_temp.claim_bare(2), array[pg_temp.ref('older'), pg_temp.ref('old')], 'oldest first, up to the limit');
select is(pg_temp.claim_bare(10), array[pg_temp.ref('young')], 'then the others, and no claimed one again');
select is(pg_temp.claim_bare(10), null, 'then none: neither one that is not due nor one with a payment');
select results_eq(
  $$ select distinct status, run_id, attempt, failures, next_check_at from lapse.orders
     where ref in (pg_temp.ref('older'), pg_temp.ref('old'), pg_temp.ref('young')) $$,
  $$ select 'expiring', pg_temp.id('run'), 1, 0, pg_temp.noon() + s.lease from lapse.settings s $$, 'they are the run''s for a limited time'
);
select throws_ok(
  $$ select lapse.attach_payment(p_ref => pg_temp.ref('old'), p_stripe_id => 'pi_2', p_now => pg_temp.noon()) $$, 'PT409', null,
  'and take no payment meanwhile'
);

select is(
  pg_temp.settle('run', array[
    pg_temp.decide('older', 'expired', p_reason => 'no_payment'), pg_temp.decide('old', 'retry', p_reason => 'settlement_refused')
  ]) - '{paymentsPerSecond,waitForShare}'::text[],
  '{"outcomes": {"expired": 1, "retry": 1}, "superseded": 0}', 'they are settled like all others'
);
select row_eq(
  $$ select status, failures, next_check_at > pg_temp.noon() from lapse.orders where ref = pg_temp.ref('old') $$,
  row('pending'::text, 1, true), 'also as a failed attempt'
);
select ok(pg_temp.ref('young') = any (pg_temp.claim_bare(10, pg_temp.noon() + interval '1 day')), 'a claim that lapsed is due again');
select is(pg_temp.told('young', 'failures'), '1', 'and counts as a failed attempt');

select * from finish();
rollback;
