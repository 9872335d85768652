begin;
\ir ../helpers.sql
select plan(5);

create function pg_temp.look(p_days integer, p_status text) returns void
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
end;
$$;
prepare alert as select key, details ->> 'stripeId', resolved_at is null from lapse.alerts where key like 'processing%' order by id;

select pg_temp.place_due_order('a', '{pi_1}');
select pg_temp.look(0, 'processing'), pg_temp.look(14, 'processing');
select is_empty('alert', 'fourteen days are no reason yet');
select pg_temp.look(15, 'processing');
select results_eq('alert', $$ values ('processing_long:' || pg_temp.ref('a'), 'pi_1', true) $$, 'more than that are');
select is(
  (select evidence ->> 'processing_since' from lapse.payments)::timestamptz, pg_temp.noon(), 'counted from the first look that found it'
);
select pg_temp.look(16, 'requires_payment_method');
select results_eq('alert', $$ values ('processing_long:' || pg_temp.ref('a'), 'pi_1', false) $$, 'once the bank has answered, the alert is over');
select pg_temp.look(17, 'processing');
select is(
  (select evidence ->> 'processing_since' from lapse.payments)::timestamptz, pg_temp.noon() + interval '17 days', 'and another try counts anew'
);

select * from finish();
rollback;
