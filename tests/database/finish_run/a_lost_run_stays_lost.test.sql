begin;
\ir ../helpers.sql
select plan(3);

select pg_temp.begin_run('old');
select pg_temp.begin_run('new', pg_temp.noon() + interval '1 hour');
create temp table before as select pg_temp.everything() as hash;

select is(
  lapse.finish_run(pg_temp.id('old'), 'succeeded', p_now => pg_temp.noon() + interval '1 hour') ->> 'status', 'lost',
  'a run that wakes up after it was taken over is reported as lost'
);
select is(pg_temp.everything(), (select hash from before), 'neither its row, nor the metrics, nor the lease of the new run changed');
select lives_ok(
  format('select lapse.claim_orders(%L, 2, 10, %L)', pg_temp.id('new'), pg_temp.noon() + interval '1 hour'), 'the new run continues'
);

select * from finish();
rollback;
