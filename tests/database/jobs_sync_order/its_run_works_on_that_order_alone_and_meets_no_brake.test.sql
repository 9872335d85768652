begin;
\ir ../helpers.sql
select plan(9);

update jobs.settings set brake_threshold = 1;
select pg_temp.place_due_order('older', '{pi_older}', p_due_for => interval '3 hours');
select pg_temp.place_due_order('bare', '{}', p_due_for => interval '2 hours');
select pg_temp.place_due_order('asked', '{pi_asked}');
select pg_temp.begin_run('braked');
select is(
  (select status from public.job_runs where id = pg_temp.id('braked')), 'braked', 'three orders are due, and the brake is on'
);

create function pg_temp.sync(p_name text) returns uuid
language sql
as $$
  select (public.jobs_sync_order(
    p_order_id => pg_temp.id(p_name), p_reason => 'why', p_requested_by => 'ann', p_now => pg_temp.noon()
  ) ->> 'runId')::uuid
$$;
create function pg_temp.begin_sync(p_run_id uuid) returns jsonb
language sql
as $$
  select public.jobs_begin_run(
    p_run_id => p_run_id, p_job => 'expire-stale-orders', p_trigger => 'server', p_now => pg_temp.noon()
  )
$$;
create function pg_temp.claim_sync(p_run_id uuid) returns jsonb
language sql
as $$
  select public.jobs_claim_orders(p_run_id => p_run_id, p_fence => r.fence, p_limit => 50, p_now => pg_temp.noon())
  from public.job_runs r where r.id = p_run_id
$$;

create temp table wish as select pg_temp.sync('asked') as run_id;
select is(
  (select pg_temp.begin_sync(run_id) ->> 'answer' from wish), 'running', 'its run works all the same'
);
select is(
  (select count(*) from public.job_alerts where key = 'brake:expire-stale-orders' and resolved_at is null), 1::bigint,
  'and the brake stays on for the others'
);
select is(
  (select public.jobs_expire_without_payments(
    p_run_id => w.run_id, p_fence => r.fence, p_limit => 50, p_now => pg_temp.noon()
  ) from wish w join public.job_runs r on r.id = w.run_id),
  '{"expired": 0, "unitsReleased": 0}', 'it closes no other order without payments'
);
select is(
  (select pg_temp.claim_sync(run_id) -> 0 ->> 'id' from wish)::uuid, pg_temp.id('asked'), 'it claims the order it was asked about'
);
select is((select pg_temp.claim_sync(run_id) from wish), '[]', 'and nothing more');
select bag_eq(
  $$ select id, status from public.orders $$,
  $$ values (pg_temp.id('older'), 'pending'), (pg_temp.id('bare'), 'pending'), (pg_temp.id('asked'), 'expiring') $$,
  'the others are untouched, also those due for longer'
);
select public.jobs_finish_run(p_run_id => run_id, p_status => 'succeeded', p_now => pg_temp.noon()) from wish;

create temp table bare as select pg_temp.sync('bare') as run_id;
select pg_temp.begin_sync(run_id) from bare;
select is(
  (select pg_temp.claim_sync(run_id) -> 0 -> 'payments' from bare), '[]', 'an order without payments is claimed like any other'
);

update public.orders set next_check_at = pg_temp.noon() - interval '1 minute' where id = pg_temp.id('asked');
select public.jobs_finish_run(p_run_id => run_id, p_status => 'succeeded', p_now => pg_temp.noon()) from bare;
select throws_ok(
  $$ select pg_temp.sync('asked') $$, 'PT409', null, 'an order that a run holds, or held when it died, is left to the next claim'
);

select * from finish();
rollback;
