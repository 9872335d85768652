begin;
\ir ../helpers.sql
select plan(5);

prepare drift as select name, ref collate "default" from lapse.drift() order by 1, 2;

-- Closed in the shop a moment ago: the note is in the inbox.
select pg_temp.place_due_order('closed');
select public.close_order(pg_temp.id('closed'), false);
select is_empty('drift', 'a closing that was noted is no disagreement');

-- Closed without a note, and with a payment that a run will ask about: it finds the shop's row closed.
alter table public.orders disable trigger user;
select pg_temp.place_order('silently closed');
select lapse.adopt_refs(array[pg_temp.ref('silently closed')], pg_temp.noon());
select lapse.attach_payment(pg_temp.ref('silently closed'), 'pi_1', p_now => pg_temp.noon());
select public.close_order(pg_temp.id('silently closed'), false);
select is_empty('drift', 'nor is one that a run will find when it asks about the payment');
update lapse.payments set state = 'dead', evidence = '{}', closed_at = pg_temp.noon();
select results_eq(
  'drift', $$ values ('watched_and_not_open', pg_temp.ref('silently closed')) $$, 'without a living payment nobody asks, until it is due'
);
select lapse.follow_order(pg_temp.ref('silently closed'), false, pg_temp.noon());

-- A payment that is nobody's yet.
select pg_temp.place_order('open');
select lapse.adopt_refs(array[pg_temp.ref('open')], pg_temp.noon());
create or replace function lapse_shop.open_orders(p_refs text[] default null)
returns table (ref text, placed_at timestamptz, deadline timestamptz, amount bigint, currency text, account text, stripe_ids text[])
language sql stable
as $$ select o.id::text, o.created_at, o.expires_at, o.amount, o.currency, null, '{pi_2}'::text[] from public.orders o where o.status = 'pending' $$;
select results_eq(
  'drift', $$ values ('payment_not_attached', pg_temp.ref('open')) $$, 'a payment that the shop''s row names and the ledger lacks is a disagreement'
);
select lapse.attach_payment(pg_temp.ref('open'), 'pi_2', p_now => pg_temp.noon());
select is_empty('drift', 'until it is attached');

select * from finish();
rollback;
