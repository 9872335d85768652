begin;
\ir ../helpers.sql
\ir ../cleanup.sql
select plan(12);

update jobs.settings set brake_threshold = 3;
create function pg_temp.payments(p_prefix text, p_count integer) returns jsonb[]
language sql
as $$ select array_agg(pg_temp.payment(p_prefix || n, 'gone')) from generate_series(1, p_count) n $$;
create function pg_temp.end_payments(p_run text, p_prefix text, p_count integer, p_now timestamptz) returns boolean
language plpgsql
as $$
begin
  if not (pg_temp.plan_ends(p_run, pg_temp.payments(p_prefix, p_count), p_now) ->> 'allowed')::boolean then
    return false;
  end if;
  perform pg_temp.settle_payments(
    p_run, (select array_agg(p || '{"outcome": "canceled", "reason": "ended_by_run"}') from unnest(pg_temp.payments(p_prefix, p_count)) p),
    null, p_now
  );
  return true;
end;
$$;

select pg_temp.begin_cleanup('first');
select ok(pg_temp.end_payments('first', 'pi_a', 2, pg_temp.noon()), 'as many as the brake allows may be ended');
select public.jobs_finish_run(pg_temp.id('first'), 'partial', p_now => pg_temp.noon());

select pg_temp.begin_cleanup('continuation', pg_temp.noon() + interval '1 minute');
select ok(not pg_temp.end_payments('continuation', 'pi_b', 2, pg_temp.noon() + interval '1 minute'), 'a continuation does not start anew');
select is((select count(*) from jobs.revisits), 0::bigint, 'what is refused is not on its way');
select is((select key from public.job_alerts where resolved_at is null), 'brake:cleanup-stale-payment-intents', 'an operator hears of it');
select pg_temp.settle_payments(
  'continuation', (select array_agg(p || jsonb_build_object('outcome', 'deferred', 'reason', 'brake', 'nextLookAt', pg_temp.noon()))
                   from unnest(pg_temp.payments('pi_b', 2)) p)
);
select public.jobs_finish_run(pg_temp.id('continuation'), 'braked', p_now => pg_temp.noon() + interval '2 minutes');

select is(pg_temp.begin_cleanup('next week', pg_temp.noon() + interval '7 days'), null, 'the next run does not begin');
select is((select status from public.job_runs where id = pg_temp.id('next week')), 'braked', 'it is braked');
select public.jobs_begin_run(
  p_run_id => pg_temp.id('released'), p_job => 'cleanup-stale-payment-intents', p_trigger => 'operator', p_reason => 'checked',
  p_release_brake => true, p_now => pg_temp.noon() + interval '8 days'
);
select ok(pg_temp.end_payments('released', 'pi_b', 20, pg_temp.noon() + interval '8 days'), 'a released run ends what it finds');
select public.jobs_finish_run(pg_temp.id('released'), 'succeeded', p_now => pg_temp.noon() + interval '8 days');
select is((select backlog from public.job_runs where id = pg_temp.id('released')), 1, 'what it ended is no backlog; the sweep is left');

select pg_temp.begin_cleanup('week after', pg_temp.noon() + interval '14 days');
select ok(pg_temp.end_payments('week after', 'pi_c', 3, pg_temp.noon() + interval '14 days'), 'after a success it counts anew');
select ok(not pg_temp.end_payments('week after', 'pi_d', 1, pg_temp.noon() + interval '14 days'), 'up to the threshold');

-- A week in which one payment stays unclear ends partial, with nothing left to do.
select public.jobs_finish_run(pg_temp.id('week after'), 'partial', p_now => pg_temp.noon() + interval '14 days');
update public.job_runs set backlog = 0 where id = pg_temp.id('week after');
select ok(pg_temp.begin_cleanup('third week', pg_temp.noon() + interval '21 days') is not null, 'ordinary weeks do not add up');
select ok(pg_temp.end_payments('third week', 'pi_e', 3, pg_temp.noon() + interval '21 days'), 'even if each ends partial');

select * from finish();
rollback;
