begin;
\ir ../helpers.sql
select plan(5);

-- Ten callers, five endpoints, blocks of every size, asked for at uneven moments; the rates of the account's share are scarce.
update jobs.settings set stripe_endpoint_rate = 20, stripe_account_limit_live = 60;
create temp table calls (endpoint text, at double precision);
create function pg_temp.take(p_endpoint text, p_count integer, p_at double precision) returns void
language sql
as $$
  insert into calls
  select p_endpoint, p_at * 1000 + (r ->> 'startsInMs')::float + n * (r ->> 'intervalMs')::float
  from public.jobs_reserve_calls(true, p_endpoint, p_count, pg_temp.noon() + make_interval(secs => p_at)) r,
    generate_series(0, (r ->> 'count')::integer - 1) n
$$;
select pg_temp.take('endpoint ' || i * 7 % 5, 1 + i * 37 % 57, i * 0.23) from generate_series(0, 119) i;

create function pg_temp.busiest_second(p_endpoint text) returns bigint
language sql
as $$
  select max(n)
  from (
    select count(*) over (order by at range between current row and 999.999 following) as n
    from calls where endpoint = p_endpoint or p_endpoint is null
  ) windows
$$;
select is((select count(*) from calls), (select sum(1 + i * 37 % 57) from generate_series(0, 119) i), 'every call got a slot');
select ok(pg_temp.busiest_second(null) <= 30, format('at most 30 of them in any one second (%s)', pg_temp.busiest_second(null)));
select ok(
  (select max(pg_temp.busiest_second(endpoint)) from (select distinct endpoint from calls) e) <= 20, 'and at most 20 to one endpoint'
);
select ok(
  (select count(*) / (max(at) - min(at)) * 1000 from calls) > 15, 'and more than half of the share is made use of'
);

select public.jobs_report_throttle(true, 'endpoint 0', 'account', pg_temp.noon() + interval '1 hour');
truncate calls;
select pg_temp.take('endpoint ' || i % 5, 20, 3600 + i * 0.01) from generate_series(0, 9) i;
select ok(pg_temp.busiest_second(null) <= 16, format('a throttled account: half of it (%s)', pg_temp.busiest_second(null)));

select * from finish();
rollback;
