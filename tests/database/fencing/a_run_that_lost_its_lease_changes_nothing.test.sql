begin;
\ir ../helpers.sql
select plan(14);

select pg_temp.place_due_order('claimed', '{pi_1}');
select pg_temp.begin_run('old'), pg_temp.claim('old');
select pg_temp.place_due_order('with payment', '{pi_2}');
select pg_temp.place_due_order('without');

create temp table decisions as
  select jsonb_build_array(pg_temp.decide('claimed', 'expired', array[pg_temp.said('pi_1', 'canceled')])) as list;
create function pg_temp.refused(p_run text, p_fence bigint, p_why text) returns setof text
language sql
as $$
  select throws_ok(
    format(call, pg_temp.id(p_run), p_fence, pg_temp.noon()), 'LP001',
    format(
      'Cannot continue run %s: it lost its lease to %s', pg_temp.id(p_run),
      coalesce((select 'run ' || run_id from lapse.jobs where job = 'expire-stale-orders'), 'nobody')
    ),
    format('%s: it cannot %s', p_why, what)
  )
  from (values
    ('claim', 'select lapse.claim_orders(%L, %s, 10, %L)'),
    ('claim without payments', 'select lapse.claim_without_payments(%L, %s, 10, %L)'),
    ('settle', 'select lapse.settle_orders(%L, %s, (select list from decisions), %L)'),
    ('close', 'select lapse.close_without_payments(%L, %s, 10, %L)')
  ) as calls (what, call)
$$;

select pg_temp.begin_run('new', pg_temp.noon() + interval '1 hour');
create temp table before as select pg_temp.everything() as hash;
select pg_temp.refused('old', 1, 'taken over');
select pg_temp.refused('old', 2, 'taken over, with a guessed fence');
select pg_temp.refused('new', 1, 'the right run with an old fence');
select is(pg_temp.everything(), (select hash from before), 'nothing of it was changed');

select lapse.finish_run(pg_temp.id('new'), 'succeeded');
select throws_ok(
  format('select lapse.claim_orders(%L, 2, 10)', pg_temp.id('new')), 'LP001', null, 'a run that has ended cannot go on either'
);

select * from finish();
rollback;
