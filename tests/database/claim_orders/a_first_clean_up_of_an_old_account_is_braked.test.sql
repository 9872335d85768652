begin;
\ir ../helpers.sql
\ir ../cleanup.sql
select plan(9);

update lapse.settings set brake_threshold = 2;
select pg_temp.cursors_at(pg_temp.noon() - interval '30 days');
select pg_temp.begin_cleanup('first');
select is((select status from lapse.runs), 'running', 'so far nothing is due');
select pg_temp.record_listed(
  'first', (select array_agg(pg_temp.listed('pi_' || n, 'old ' || n, pg_temp.noon() - interval '20 days')) from generate_series(1, 3) n),
  pg_temp.noon() - interval '30 days', pg_temp.noon(), list
) from unnest('{payment_intents,checkout_sessions}'::text[]) list;
select is(pg_temp.claim('first'), 0, 'the list brought more unknown orders than usual: nothing is claimed');
select is((select array_agg(key) from lapse.alerts), '{brake:cleanup-stale-payment-intents}', 'and an alert says why');
select is(
  lapse.finish_run(pg_temp.id('first'), 'succeeded', p_now => pg_temp.noon()) ->> 'status', 'braked', 'the run ends as braked, whatever it says'
);

select pg_temp.begin_cleanup('second', pg_temp.noon() + interval '7 days');
select is((select status from lapse.runs where id = pg_temp.id('second')), 'braked', 'the next one does not even begin');
select is(
  lapse.begin_run(
    pg_temp.id('released'), 'cleanup-stale-payment-intents', 'operator', p_reason => 'looked at them', p_release_brake => true,
    p_now => pg_temp.noon() + interval '8 days'
  ) ->> 'answer', 'running', 'until an operator releases the brake'
);
select is(pg_temp.claim('released', pg_temp.noon() + interval '8 days'), 3, 'then all of them are claimed');
select is(
  lapse.finish_run(pg_temp.id('released'), 'succeeded', p_now => pg_temp.noon() + interval '8 days') ->> 'status', 'succeeded',
  'and the run ends as it says'
);

-- What it has looked at before is no surprise.
update lapse.orders set next_check_at = pg_temp.noon() + interval '9 days', due_since = pg_temp.noon() + interval '9 days', looks = 1, run_id = null;
select pg_temp.begin_cleanup('later', pg_temp.noon() + interval '10 days');
select is(pg_temp.claim('later', pg_temp.noon() + interval '10 days'), 3, 'orders that are looked at again do not count');

select * from finish();
rollback;
