begin;
\ir ../helpers.sql
select plan(11);

update lapse.settings set brake_threshold = 1;
select pg_temp.place_due_order('older', '{pi_older}', p_due_for => interval '3 hours');
select pg_temp.place_due_order('bare', '{}', p_due_for => interval '2 hours');
select pg_temp.place_due_order('asked', '{pi_asked}');
select pg_temp.begin_run('braked');
select is((select status from lapse.runs where id = pg_temp.id('braked')), 'braked', 'three orders are due, and the brake is on');

create function pg_temp.sync(p_name text) returns uuid
language sql
as $$
  select (lapse.sync_order(p_ref => pg_temp.ref(p_name), p_reason => 'why', p_requested_by => 'ann', p_now => pg_temp.noon()) ->> 'runId')::uuid
$$;
create function pg_temp.begin_sync(p_run_id uuid) returns jsonb
language sql
as $$
  select lapse.begin_run(p_run_id => p_run_id, p_job => 'expire-stale-orders', p_trigger => 'server', p_now => pg_temp.noon())
$$;
create function pg_temp.claim_sync(p_run_id uuid) returns jsonb
language sql
as $$
  select lapse.claim_orders(p_run_id => p_run_id, p_fence => r.fence, p_limit => 50, p_now => pg_temp.noon())
  from lapse.runs r where r.id = p_run_id
$$;

create temp table wish as select pg_temp.sync('asked') as run_id;
select is((select pg_temp.begin_sync(run_id) ->> 'answer' from wish), 'running', 'its run still works');
select is(
  (select count(*) from lapse.alerts where key = 'brake:expire-stale-orders' and resolved_at is null), 1::bigint,
  'and the brake stays on for the others'
);
select is(
  (select lapse.close_without_payments(p_run_id => w.run_id, p_fence => r.fence, p_limit => 50, p_now => pg_temp.noon())
   from wish w join lapse.runs r on r.id = w.run_id),
  '{"expired": 0, "unitsReleased": 0, "moved": 0}', 'it closes no other order without payments'
);
-- A run that begins now reads the lists to a minute ago.
select pg_temp.cursors_at(pg_temp.noon() - interval '1 minute');
select is((select pg_temp.claim_sync(run_id) -> 0 ->> 'ref' from wish), pg_temp.ref('asked'), 'it claims the order it was asked about');
select is((select pg_temp.claim_sync(run_id) from wish), '[]', 'and nothing more');
select bag_eq(
  $$ select ref collate "default" as ref, status from lapse.orders $$,
  $$ values (pg_temp.ref('older'), 'pending'), (pg_temp.ref('bare'), 'pending'), (pg_temp.ref('asked'), 'expiring') $$,
  'the others are untouched, also those due for longer'
);
select lapse.finish_run(p_run_id => run_id, p_status => 'partial', p_now => pg_temp.noon()) from wish;

create temp table bare as select pg_temp.sync('bare') as run_id;
select pg_temp.begin_sync(run_id) from bare;
select is(
  (select pg_temp.claim_sync(run_id) -> 0 -> 'payments' from bare), '[]', 'an order without payments is claimed like any other'
);

update lapse.orders set next_check_at = pg_temp.noon() - interval '1 minute' where ref = pg_temp.ref('asked');
select lapse.finish_run(p_run_id => run_id, p_status => 'succeeded', p_now => pg_temp.noon()) from bare;
select throws_ok(
  $$ select pg_temp.sync('asked') $$, 'PT409', null, 'an order that a run holds, or held when it died, is left to the next claim'
);

-- What continues it continues that order alone.
select vault.create_secret('https://example.supabase.co/functions/v1', 'lapse_functions_url')
where not exists (select from vault.decrypted_secrets where name = 'lapse_functions_url');
select vault.create_secret(repeat('s', 40), 'lapse_scheduler_secret')
where not exists (select from vault.decrypted_secrets where name = 'lapse_scheduler_secret');
update lapse.schedules set active = true where job = 'expire-stale-orders';
create temp table next as select lapse.continue_run(run_id, pg_temp.noon()) as run_id from wish;
select is(
  (select r.ref || ', ' || r.item_limit from lapse.runs r join next n on n.run_id = r.id), pg_temp.ref('asked') || ', 1', 'its continuation has the same restriction'
);
select is((select lapse.continue_run(w.run_id, pg_temp.noon()) from wish w), (select run_id from next), 'and is asked for once');

select * from finish();
rollback;
