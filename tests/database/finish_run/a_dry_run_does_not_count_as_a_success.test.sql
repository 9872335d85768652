begin;
\ir ../helpers.sql
select plan(3);

create temp table before as select to_jsonb(m) as metrics from lapse.metrics m where job = 'expire-stale-orders';
select lapse.begin_run(pg_temp.id('dry'), 'expire-stale-orders', 'server', p_dry_run => true, p_now => pg_temp.noon());
select is(
  lapse.finish_run(pg_temp.id('dry'), 'succeeded', p_now => pg_temp.noon() + interval '1 second') ->> 'status', 'succeeded', 'a dry run ends'
);
select is((select to_jsonb(m) from lapse.metrics m where job = 'expire-stale-orders'), metrics, 'and counts for nothing') from before;
select is_empty('select job from lapse.metrics_daily', 'on no day');

select * from finish();
rollback;
