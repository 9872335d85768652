begin;
\ir ../helpers.sql
\ir ../cleanup.sql
select plan(6);

-- Payments name four orders that nobody watches: the shop has one open, one expired, one paid, and none under the last name.
select pg_temp.place_order('open', pg_temp.noon() - interval '2 hours'), pg_temp.place_order('expired'), pg_temp.place_order('paid');
update public.orders set status = 'expired', expired_at = pg_temp.noon() where id = pg_temp.id('expired');
update public.orders set status = 'paid', paid_at = pg_temp.noon() where id = pg_temp.id('paid');
delete from lapse.inbox;
insert into lapse.orders (ref, status, placed_at, deadline, next_check_at, due_since, payments)
select ref, 'unknown', pg_temp.noon() - interval '8 days', pg_temp.noon(), pg_temp.noon() - interval '1 day', pg_temp.noon(), 1
from unnest(array[pg_temp.ref('open'), pg_temp.ref('expired'), pg_temp.ref('paid'), 'no uuid at all']) ref;
insert into lapse.payments (stripe_id, ref, source) select 'pi_' || left(md5(ref), 8), ref, 'list' from lapse.orders;
select pg_temp.cursors_at(pg_temp.noon());

select pg_temp.begin_cleanup('run');
select bag_eq(
  $$ select o ->> 'ref' as ref, o ->> 'status' as status, o ->> 'shopState' as shop
     from jsonb_array_elements(lapse.claim_orders(pg_temp.id('run'), 1, 10, pg_temp.noon())) o $$,
  $$ values (pg_temp.ref('expired'), 'unknown', 'closed'), (pg_temp.ref('paid'), 'unknown', 'paid'), ('no uuid at all', 'unknown', 'gone') $$,
  'a claim has the state of each in the shop'
);
select is(pg_temp.told('open', 'status'), 'pending', 'the one that is open there is watched from now on');
select is(pg_temp.told('open', 'amount'), '1000', 'with what the shop knows of it');
select is(pg_temp.told('open', 'payments'), '1', 'and with the payment that named it');
select is((select source from lapse.payments where ref = pg_temp.ref('open')), 'list', 'which is still the list''s word');

-- An adapter that fails keeps unknown orders waiting, and nothing else.
select lapse.finish_run(pg_temp.id('run'), 'succeeded', p_now => pg_temp.noon());
update lapse.orders set next_check_at = pg_temp.noon(), run_id = null where status = 'unknown';
select pg_temp.place_due_order('leftover', '{pi_1,pi_2}'), pg_temp.mark_paid('leftover', 'pi_1');
create or replace function lapse_shop.lock_orders(p_refs text[], p_wait boolean)
returns table (ref text, state text, units bigint, stripe_ids text[]) language sql as 'select r, ''open'', (1 / length('''')::bigint), null::text[] from unnest(p_refs) r';
select pg_temp.begin_cleanup('next', pg_temp.noon() + interval '1 second');
select is(pg_temp.claim('next', pg_temp.noon() + interval '1 second'), 1, 'an adapter that fails keeps unknown orders waiting, and no others');

select * from finish();
rollback;
