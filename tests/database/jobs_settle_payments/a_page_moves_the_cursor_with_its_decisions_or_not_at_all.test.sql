begin;
\ir ../helpers.sql
\ir ../cleanup.sql
select plan(7);

select pg_temp.begin_cleanup('run');
create temp table slice as select (pg_temp.next_slice('run') ->> 'id')::bigint as id;
create function pg_temp.page(p_after text, p_cursor text, p_finished boolean default false) returns jsonb
language sql
as $$
  select jsonb_build_object(
    'sweepId', (select id from slice), 'after', p_after, 'cursor', p_cursor, 'reached', pg_temp.noon() - interval '10 days',
    'seen', 100, 'own', 40, 'finished', p_finished
  )
$$;
create function pg_temp.progress() returns text
language sql
as $$ select format('%s after %s pages, %s seen, %s own', cursor, pages, payments_seen, own_payments_seen) from public.job_sweeps $$;

select lives_ok($$ select pg_temp.settle_payments('run', '{}', pg_temp.page(null, 'pi_100')) $$, 'the first page');
select is(pg_temp.progress(), 'pi_100 after 1 pages, 100 seen, 40 own', 'moves the cursor');
select lives_ok(
  $$ select pg_temp.settle_payments(
       'run', array[pg_temp.payment('pi_1', 'gone') || '{"outcome": "late_payment", "reason": "order_absent"}'], pg_temp.page(null, 'pi_100')
     ) $$,
  'settled again'
);
select is(
  pg_temp.progress() || format(', %s decisions', (select count(*) from public.job_decisions)),
  'pi_100 after 1 pages, 100 seen, 40 own, 0 decisions', 'it changes nothing'
);
select throws_ok(
  $$ select pg_temp.settle_payments(
       'run', array[pg_temp.payment('pi_1', 'gone') || '{"outcome": "late_payment", "reason": "order_absent"}'], pg_temp.page('pi_7', 'pi_107')
     ) $$,
  '40001', 'Cannot move the sweep on from pi_7 as it stands elsewhere: current value is pi_100', 'a page read after another cursor is refused'
);
select is((select count(*) from public.job_decisions), 0::bigint, 'with its decisions');
select pg_temp.settle_payments('run', '{}', pg_temp.page('pi_100', 'pi_150', true));
select results_eq(
  'select cursor, reached, finished_at from public.job_sweeps',
  $$ select 'pi_150', created_from, pg_temp.noon() from public.job_sweeps $$, 'the last page finishes the slice'
);

select * from finish();
rollback;
