begin;
\ir ../helpers.sql
\ir ../cleanup.sql
select plan(8);

select pg_temp.begin_cleanup('run');
create function pg_temp.keep(p_stripe_id text, p_reason text, p_after interval, p_now timestamptz default pg_temp.noon()) returns jsonb
language sql
as $$
  select pg_temp.settle_payments('run', array[
    pg_temp.payment(p_stripe_id, 'gone') || jsonb_build_object('outcome', 'kept', 'reason', p_reason, 'nextLookAt', p_now + p_after)
  ], null, p_now)
$$;
create function pg_temp.entry(p_stripe_id text) returns text
language sql
as $$
  select format('%s looks, %s, ending since %s, seen since %s, again after %s', looks, reason, ending_since - pg_temp.noon(),
    first_seen_at - pg_temp.noon(), next_look_at - pg_temp.noon())
  from jobs.revisits where stripe_id = p_stripe_id
$$;

select pg_temp.keep('pi_kept', 'processing', '1 day');
select is(pg_temp.entry('pi_kept'), '1 looks, processing, ending since , seen since 00:00:00, again after 1 day', 'the first look');
select is(
  pg_temp.keep('pi_kept', 'processing', '1 day', pg_temp.noon() + interval '1 minute'), '{"outcomes": {}}', 'for the same reason it is no news'
);
select is(
  pg_temp.entry('pi_kept'), '2 looks, processing, ending since , seen since 00:00:00, again after 1 day 00:01:00', 'but each look counts'
);

-- One that is on the list already, and one that is not.
select pg_temp.plan_ends('run', array[pg_temp.payment('pi_kept', 'gone'), pg_temp.payment('pi_new', 'gone')]);
select is(
  array[pg_temp.entry('pi_kept'), pg_temp.entry('pi_new')],
  array[
    '2 looks, processing, ending since 00:00:00, seen since 00:00:00, again after 1 day 00:01:00',
    '0 looks, ending, ending since 00:00:00, seen since 00:00:00, again after 00:00:00'
  ],
  'the intention to end a payment is written down, whether it was on the list or not'
);
select pg_temp.plan_ends('run', array[pg_temp.payment('pi_new', 'gone')], pg_temp.noon() + interval '1 minute');
select pg_temp.keep('pi_new', 'timeout', '1 hour');
select is(
  pg_temp.entry('pi_new'), '1 looks, timeout, ending since 00:00:00, seen since 00:00:00, again after 01:00:00',
  'and remembered from the first time on, until it is known what came of it'
);

select is(
  pg_temp.settle_payments('run', array[pg_temp.payment('pi_new', 'gone') || '{"outcome": "canceled", "reason": "ended_earlier"}']),
  '{"outcomes": {"canceled": 1}}', 'then it is recorded'
);
select is(pg_temp.entry('pi_new'), null, 'and leaves the list');
select pg_temp.settle_payments('run', array[pg_temp.payment('pi_kept', 'gone') || '{"outcome": "unlisted", "reason": "paid"}']);
select is(
  (select count(*) from jobs.revisits) || ', ' || (select count(*) from public.job_decisions), '0, 3',
  'what needs no look any more leaves it without a word'
);

select * from finish();
rollback;
