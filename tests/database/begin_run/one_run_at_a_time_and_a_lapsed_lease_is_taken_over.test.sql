begin;
\ir ../helpers.sql
select plan(11);

create function pg_temp.answer(p_name text, p_after interval, p_job text default 'expire-stale-orders') returns text
language sql
as $$
  select lapse.begin_run(
    p_run_id => pg_temp.id(p_name), p_job => p_job, p_trigger => 'server', p_now => pg_temp.noon() + p_after
  ) ->> 'answer'
$$;
prepare run_of(text) as select status, fence, error, finished_at from lapse.runs where id = pg_temp.id($1);

update lapse.settings set lease = '2 minutes';
select is(pg_temp.answer('first', '0'), 'running', 'the first run takes the lease');
select is(pg_temp.answer('second', '1 minute'), 'skipped', 'while it holds the lease, another run is skipped');
select results_eq(
  $$ execute run_of('second') $$,
  $$ values ('skipped', null::bigint, 'Another run holds the lease: ' || pg_temp.id('first'), pg_temp.noon() + interval '1 minute') $$,
  'which is a final state, and says who works'
);
select is(pg_temp.answer('other', '1 minute', 'cleanup-stale-payment-intents'), 'running', 'the other job has a lease of its own');
select lapse.claim_orders(pg_temp.id('first'), 1, 10, pg_temp.noon() + interval '90 seconds');
select is(pg_temp.answer('third', '3 minutes'), 'skipped', 'every sign of life extends the lease');

select is(pg_temp.answer('fourth', '3 minutes 31 seconds'), 'running', 'a lease that lapsed is taken over');
select results_eq(
  $$ execute run_of('fourth') $$, $$ values ('running', 2::bigint, null, null::timestamptz) $$, 'with a higher fence'
);
select results_eq(
  $$ execute run_of('first') $$,
  $$ values ('lost', 1::bigint, 'The lease ran out and another run took over', pg_temp.noon() + interval '3 minutes 31 seconds') $$,
  'and the run that went silent is lost'
);

select lapse.finish_run(pg_temp.id('fourth'), 'succeeded', p_now => pg_temp.noon() + interval '4 minutes');
select is(pg_temp.answer('fifth', '4 minutes'), 'running', 'a lease that was given back is free at once');
select is((select fence from lapse.jobs where job = 'expire-stale-orders'), 3::bigint, 'each holder has a fence of its own');
select is(
  (select status from lapse.runs where id = pg_temp.id('fourth')), 'succeeded', 'taking over from a finished run changes nothing of it'
);

select * from finish();
rollback;
