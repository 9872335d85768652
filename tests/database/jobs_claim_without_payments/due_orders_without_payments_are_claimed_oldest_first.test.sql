begin;
\ir ../helpers.sql
select plan(9);

select pg_temp.place_due_order('old', p_due_for => '2 days');
select pg_temp.place_due_order('older', p_due_for => '3 days');
select pg_temp.place_due_order('young', p_due_for => '1 day');
select pg_temp.place_due_order('fresh', p_due_for => '-1 second');
select pg_temp.place_due_order('with payment', '{pi_1}', p_due_for => '4 days');
select pg_temp.begin_run('run');
create function pg_temp.claim_bare(p_limit integer, p_now timestamptz default pg_temp.noon()) returns uuid[]
language sql
as $$
  select array_agg((c ->> 'id')::uuid order by n)
  from jsonb_array_elements(public.jobs_claim_without_payments(pg_temp.id('run'), 1, p_limit, p_now)) with ordinality x (c, n)
$$;

select is(pg_temp.claim_bare(2), array[pg_temp.id('older'), pg_temp.id('old')], 'oldest first, up to the limit');
select is(pg_temp.claim_bare(10), array[pg_temp.id('young')], 'then the others, and no claimed one again');
select is(pg_temp.claim_bare(10), null, 'then none: neither one that is not due nor one with a payment');
select results_eq(
  $$ select distinct status, claimed_by, attempt, failures, next_check_at from public.orders
     where id in (pg_temp.id('older'), pg_temp.id('old'), pg_temp.id('young')) $$,
  $$ select 'expiring', pg_temp.id('run'), 1, 0, pg_temp.noon() + s.lease from jobs.settings s $$, 'they are the run''s for a limited time'
);
select throws_like(
  $$ select public.attach_payment(p_order_id => pg_temp.id('old'), p_kind => 'payment_intent', p_stripe_id => 'pi_2') $$,
  '%expiring%', 'and take no payment meanwhile'
);

select is(
  pg_temp.settle('run', array[
    pg_temp.decide('older', 'expired', p_reason => 'no_payment'), pg_temp.decide('old', 'retry', p_reason => 'settlement_refused')
  ]),
  '{"outcomes": {"expired": 1, "retry": 1}, "superseded": 0}', 'they are settled like all others'
);
select row_eq(
  $$ select status, failures, next_check_at > pg_temp.noon() from public.orders where id = pg_temp.id('old') $$,
  row('pending'::text, 1, true), 'also as a failed attempt'
);
select ok(pg_temp.id('young') = any (pg_temp.claim_bare(10, pg_temp.noon() + interval '1 day')), 'a claim that lapsed is due again');
select is((select failures from public.orders where id = pg_temp.id('young')), 1, 'and counts as a failed attempt');

select * from finish();
rollback;
