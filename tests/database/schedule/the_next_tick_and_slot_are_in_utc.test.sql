begin;
\ir ../helpers.sql
select plan(9);

select is(lapse.next_tick('*/5 * * * *', pg_temp.noon()), pg_temp.noon() + interval '5 minutes', 'the tick of this very moment is over');
select is(lapse.next_tick('*/5 * * * *', pg_temp.noon() + interval '1 second'), pg_temp.noon() + interval '5 minutes', 'the next one counts');
select is(lapse.next_tick('0 3 * * *', pg_temp.noon()), timestamptz '2026-11-23 03:00+00', 'a daily one');
select is(lapse.next_tick('30 4 29 2 *', pg_temp.noon()), null, 'none within 400 days is none');
select is(lapse.next_tick('0 0 1 1 *', pg_temp.noon()), timestamptz '2027-01-01 00:00+00', 'a yearly one');

select is(
  (select lapse.next_slot(s, pg_temp.noon()) from lapse.schedules s where s.job = 'cleanup-stale-payment-intents'),
  timestamptz '2026-11-29 02:00+00', 'the weekly slot: Sunday, three in the morning in Paris'
);
select is_empty(
  $$ select moment
     from generate_series(timestamptz '2026-01-01', '2027-12-31', interval '7 hours') moment
     cross join lapse.schedules s
     where s.job = 'cleanup-stale-payment-intents'
       and (lapse.next_slot(s, moment) <= moment or lapse.last_slot(s, lapse.next_slot(s, moment) - interval '1 second') > moment) $$,
  'it is the first one after the moment, also in the weeks in which the clocks change'
);

update lapse.schedules set active = false where job = 'retention';
select results_eq(
  $$ select s ->> 'job', (s ->> 'nextAt')::timestamptz, (s ->> 'due')::integer
     from jsonb_array_elements(lapse.schedule(pg_temp.noon()) -> 'schedules') s where s ->> 'job' in ('watch', 'retention') $$,
  $$ values ('retention', null::timestamptz, null::integer), ('watch', pg_temp.noon() + interval '1 minute', null) $$,
  'a paused schedule has no next tick'
);
select pg_temp.place_due_order('due');
select is(
  jsonb_path_query_first(lapse.schedule(pg_temp.noon()), '$.schedules[*] ? (@.job == "expire-stale-orders").due'), '1',
  'what is due now is counted'
);

select * from finish();
rollback;
