begin;
\ir ../helpers.sql
select plan(7);

create function pg_temp.answer(p_name text, p_at timestamptz) returns text
language sql
as $$
  select lapse.begin_run(p_run_id => pg_temp.id(p_name), p_job => 'expire-stale-orders', p_trigger => 'server', p_now => p_at) ->> 'answer'
$$;
update lapse.settings set brake_threshold = 2;

-- A hundred customers with vouchers come back together, and nobody is surprised.
select pg_temp.place_due_order('voucher ' || n, array['pi_' || n]) from generate_series(1, 2) n;
select pg_temp.begin_run('first'), pg_temp.claim('first');
select pg_temp.settle('first', (
  select array_agg(pg_temp.decide('voucher ' || n, 'waiting', p_next_check_at => pg_temp.noon() + interval '1 hour')) from generate_series(1, 2) n
));
select lapse.finish_run(pg_temp.id('first'), 'succeeded', p_now => pg_temp.noon());
select pg_temp.place_due_order('new ' || n, p_due_for => '-90 minutes') from generate_series(1, 2) n;
select is(pg_temp.answer('second', pg_temp.noon() + interval '2 hours'), 'running', 'orders that are due again do not count');
select lapse.finish_run(pg_temp.id('second'), 'succeeded', p_now => pg_temp.noon() + interval '2 hours');

-- What was handed back untouched is still due for the first time; so is what a run died over.
select pg_temp.place_due_order('third new', '{pi_3}', p_due_for => '-3 hours');
select is(pg_temp.answer('third', pg_temp.noon() + interval '4 hours'), 'braked', 'three for the first time do');

-- A release covers the orders that were due when it was given, for its run and for those that continue it.
select is(
  lapse.begin_run(
    pg_temp.id('released'), 'expire-stale-orders', 'operator', p_reason => 'sale', p_release_brake => true,
    p_now => pg_temp.noon() + interval '4 hours'
  ) ->> 'answer', 'running', 'an operator releases the brake'
);
select lapse.finish_run(pg_temp.id('released'), 'partial', p_now => pg_temp.noon() + interval '4 hours');
insert into lapse.runs (id, job, trigger, reason, brake_released_at) values
  (pg_temp.id('continuation'), 'expire-stale-orders', 'continuation', 'sale', pg_temp.noon() + interval '4 hours'),
  (pg_temp.id('late continuation'), 'expire-stale-orders', 'continuation', 'sale', pg_temp.noon() + interval '4 hours');
select is(pg_temp.answer('continuation', pg_temp.noon() + interval '5 hours'), 'running', 'its continuation need not ask again');
select lapse.finish_run(pg_temp.id('continuation'), 'partial', p_now => pg_temp.noon() + interval '5 hours');
select pg_temp.place_due_order('flood ' || n, p_due_for => '-5 hours') from generate_series(1, 3) n;
select is(pg_temp.answer('late continuation', pg_temp.noon() + interval '6 hours'), 'braked', 'but for what fell due since then');

update lapse.settings set brake_threshold = 100;
update lapse.jobs set brake_on = true;
select is(pg_temp.answer('switched', pg_temp.noon() + interval '6 hours'), 'braked', 'a brake that was put on stops the next run, whatever is due');
select lapse.begin_run(
  pg_temp.id('released again'), 'expire-stale-orders', 'operator', p_reason => 'dry run seen', p_release_brake => true,
  p_now => pg_temp.noon() + interval '6 hours'
);
select is((select brake_on from lapse.jobs where job = 'expire-stale-orders'), false, 'until an operator releases it, once');

select * from finish();
rollback;
