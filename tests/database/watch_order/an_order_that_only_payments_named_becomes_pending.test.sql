begin;
\ir ../helpers.sql
select plan(3);

alter table public.orders disable trigger lapse_watches;
select pg_temp.place_order('a');
insert into lapse.orders (ref, status, placed_at, deadline, next_check_at, due_since, payments, attempt, run_id)
values (pg_temp.ref('a'), 'unknown', pg_temp.noon(), pg_temp.noon(), pg_temp.noon(), pg_temp.noon(), 1, 1, pg_temp.id('clean-up'));
insert into lapse.payments (stripe_id, ref, source) values ('pi_1', pg_temp.ref('a'), 'list');

select lapse.watch_order(pg_temp.ref('a'), 1000, 'eur', pg_temp.noon() + interval '1 hour', p_now => pg_temp.noon());
select row_eq(
  'select status, amount, payments, run_id, next_check_at - pg_temp.noon() from lapse.orders',
  row('pending'::text, 1000::bigint, 1, null::uuid, interval '62 minutes'), 'with its payment, and no run holds it'
);
select lapse.attach_payment(pg_temp.ref('a'), 'pi_1', p_now => pg_temp.noon());
select is((select source from lapse.payments), 'server', 'once the shop attaches that payment, it is the shop''s own');
select is((select payments from lapse.orders), 1, 'and counts once');

select * from finish();
rollback;
