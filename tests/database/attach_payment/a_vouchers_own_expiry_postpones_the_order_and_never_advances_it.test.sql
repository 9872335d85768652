begin;
\ir ../helpers.sql
select plan(4);

select pg_temp.place_order('a', pg_temp.noon() - interval '1 hour', p_expires_at => pg_temp.noon());
prepare due as select o.deadline - pg_temp.noon(), o.hold_until - pg_temp.noon(), o.next_check_at - pg_temp.noon() from lapse.orders o;
create function pg_temp.attach(p_stripe_id text, p_expires_in interval default null) returns void
language sql
as $$
  select lapse.attach_payment(pg_temp.ref('a'), p_stripe_id, p_expires_at => pg_temp.noon() + p_expires_in, p_now => pg_temp.noon() - interval '1 hour')
$$;

select pg_temp.attach('pi_1', '3 days');
select results_eq(
  'due', $$ values (interval '0', interval '3 days', interval '3 days 2 minutes') $$, 'a later expiry postpones the check; the deadline stays the customer''s'
);
select pg_temp.attach('pi_2', '1 day');
select results_eq('due', $$ values (interval '0', interval '3 days', interval '3 days 2 minutes') $$, 'an earlier one moves nothing');
select pg_temp.attach('pi_3');
select results_eq('due', $$ values (interval '0', interval '3 days', interval '3 days 2 minutes') $$, 'nor does a payment without one');
select pg_temp.attach('pi_3', '4 days');
select results_eq(
  'due', $$ values (interval '0', interval '4 days', interval '4 days 2 minutes') $$,
  'a voucher that is issued later is reported by attaching its payment again'
);

select * from finish();
rollback;
