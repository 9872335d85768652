begin;
\ir ../helpers.sql
select plan(9);

insert into lapse.runs (id, job, trigger, dry_run) values (pg_temp.id('dry'), 'expire-stale-orders', 'server', true);
insert into lapse.runs (id, job, trigger, item_limit, reason)
values (pg_temp.id('limited'), 'expire-stale-orders', 'continuation', 5, 'sale');
create function pg_temp.begin_with(
  p_name text, p_dry_run boolean default false, p_limit integer default null, p_release boolean default false, p_reason text default null,
  p_job text default 'expire-stale-orders'
) returns text
language sql
as $$
  select lapse.begin_run(
    p_run_id => pg_temp.id(p_name), p_job => p_job, p_trigger => 'server', p_dry_run => p_dry_run, p_limit => p_limit, p_reason => p_reason,
    p_release_brake => p_release, p_now => pg_temp.noon()
  ) ->> 'answer'
$$;
create function pg_temp.differs(p_name text, p_in text) returns text
language sql
as $$ select format('Cannot begin run %s: the request and the queued run differ in %s', pg_temp.id(p_name), p_in) $$;
create temp table before as select pg_temp.everything() as hash;

select throws_ok($$ select pg_temp.begin_with('dry') $$, '22023', pg_temp.differs('dry', 'dryRun'), 'a dry run does not become a real one');
select throws_ok(
  $$ select pg_temp.begin_with('limited', p_dry_run => true) $$, '22023', pg_temp.differs('limited', 'dryRun'), 'nor a real one a dry one'
);
select throws_ok($$ select pg_temp.begin_with('limited', p_limit => 6) $$, '22023', pg_temp.differs('limited', 'limit'), 'another limit');
select throws_ok(
  $$ select pg_temp.begin_with('dry', p_dry_run => true, p_limit => 6) $$, '22023', pg_temp.differs('dry', 'limit'), 'a limit where there was none'
);
select throws_ok(
  $$ select pg_temp.begin_with('limited', p_release => true, p_reason => 'sale') $$, '22023', pg_temp.differs('limited', 'releaseBrake'),
  'a brake released by whoever knows the id'
);
select throws_ok($$ select pg_temp.begin_with('limited', p_reason => 'fun') $$, '22023', pg_temp.differs('limited', 'reason'), 'another reason');
select throws_ok(
  $$ select pg_temp.begin_with('limited', p_job => 'cleanup-stale-payment-intents') $$, '22023', pg_temp.differs('limited', 'job'), 'another job'
);
select is(pg_temp.everything(), hash, 'none of them changed anything') from before;
select is(pg_temp.begin_with('limited', p_limit => 5), 'running', 'what a request leaves out, the queued run says');

select * from finish();
rollback;
