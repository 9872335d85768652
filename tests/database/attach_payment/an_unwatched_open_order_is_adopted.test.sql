begin;
\ir ../helpers.sql
select plan(5);

-- The watch is in the inbox: placed a moment ago.
select pg_temp.place_order('placed', p_amount => 700);
select lapse.attach_payment(pg_temp.ref('placed'), 'pi_1', p_now => pg_temp.noon());
select row_eq(
  $$ select amount, currency, payments, next_check_at - pg_temp.noon() from lapse.orders $$,
  row(700::bigint, 'eur'::text, 1, interval '32 minutes'), 'its entry of the inbox is read first'
);
select is((select count(*) from lapse.inbox), 0::bigint, 'and is gone');

-- The trigger was missing.
alter table public.orders disable trigger lapse_watches;
select pg_temp.place_order('missed', p_amount => 800);
select lapse.attach_payment(pg_temp.ref('missed'), 'pi_2', p_now => pg_temp.noon());
select row_eq(
  format('select status, amount, currency, payments, next_check_at - pg_temp.noon() from lapse.orders where ref = %L', pg_temp.ref('missed')),
  row('pending'::text, 800::bigint, 'eur'::text, 1, interval '32 minutes'), 'the shop is asked about an unrecorded order'
);

-- The adapter contradicts itself.
create or replace function lapse_shop.open_orders(p_refs text[] default null)
returns table (ref text, placed_at timestamptz, deadline timestamptz, amount bigint, currency text, account text, stripe_ids text[])
language sql stable
as $$ select null::text, null::timestamptz, null::timestamptz, null::bigint, null::text, null::text, null::text[] where false $$;
select pg_temp.place_order('forgotten');
select lapse.attach_payment(pg_temp.ref('forgotten'), 'pi_3', p_now => pg_temp.noon());
select row_eq(
  format('select status, amount, payments, next_check_at - pg_temp.noon() from lapse.orders where ref = %L', pg_temp.ref('forgotten')),
  row('pending'::text, null::bigint, 1, interval '32 minutes'), 'an open order that open_orders omits is still watched'
);
select is((select count(*) from lapse.payments where state = 'open'), 3::bigint, 'no checkout was refused');

select * from finish();
rollback;
