begin;
\ir ../helpers.sql
select plan(4);

create function pg_temp.look(p_days integer, p_status text) returns timestamptz
language plpgsql
as $$
declare
  v_now timestamptz := pg_temp.noon() + make_interval(days => p_days);
begin
  perform pg_temp.cursors_at(v_now + interval '1 hour');
  update lapse.orders set next_check_at = v_now;
  perform pg_temp.begin_run('day ' || p_days, v_now), pg_temp.claim('day ' || p_days, v_now);
  perform pg_temp.settle('day ' || p_days, array[pg_temp.decide('a', 'waiting', array[
    pg_temp.said('pi_1', 'kept') || jsonb_build_object('reason', p_status, 'evidence', jsonb_build_object('status', p_status))
  ])], v_now);
  return (select evidence ->> 'processing_since' from lapse.payments);
end;
$$;

-- What the watch goes by (lapse.check_processing_long).
select pg_temp.place_due_order('a', '{pi_1}');
select is(pg_temp.look(0, 'requires_action'), null, 'a payment that is not processing');
select is(pg_temp.look(1, 'processing'), pg_temp.noon() + interval '1 day', 'the first look that finds it processing');
select is(pg_temp.look(15, 'processing'), pg_temp.noon() + interval '1 day', 'stays known');
select pg_temp.look(16, 'requires_payment_method');
select is(pg_temp.look(17, 'processing'), pg_temp.noon() + interval '17 days', 'until the bank has answered');

select * from finish();
rollback;
