begin;
\ir ../helpers.sql
select plan(7);

create function pg_temp.begin_at(p_name text, p_url text, p_trigger text default 'operator') returns jsonb language sql as $$
  select lapse.begin_run(
    p_run_id => pg_temp.id(p_name), p_job => 'expire-stale-orders', p_trigger => p_trigger, p_functions_url => p_url, p_now => pg_temp.noon()
  )
$$;

select public.lapse_connect('https://production.test/functions/v1/', repeat('s', 32));
select is(pg_temp.begin_at('copy', 'https://copy.test/functions/v1') ->> 'answer', 'failed', 'functions elsewhere start nothing');
select matches(
  (select error from lapse.runs where id = pg_temp.id('copy')),
  'belongs to the functions at https://production.test/functions/v1, and these are at https://copy.test/functions/v1.*lapse enable',
  'the run says whose database it is, and what to do'
);
select is((select lease_until <= pg_temp.noon() or run_id is null from lapse.jobs where job = 'expire-stale-orders'), true, 'it took no lease');
select throws_ok(
  $$ select pg_temp.begin_at('scheduled', 'https://copy.test/functions/v1', 'schedule') $$, 'PT404', null,
  'and a run that is queued in the copy is unknown where its schedule calls'
);

select is(
  public.lapse_connect('https://copy.test/functions/v1', repeat('c', 32)), 'https://copy.test/functions/v1', 'connected on purpose'
);
select is(pg_temp.begin_at('own', 'https://copy.test/functions/v1') ->> 'answer', 'running', 'the copy works on its own');

select throws_ok(
  $$ select public.lapse_connect('http://copy.test/functions/v1', repeat('c', 32)) $$, '22023', null, 'never over plain http'
);
select * from finish();
rollback;
