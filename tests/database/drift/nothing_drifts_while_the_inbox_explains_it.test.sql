begin;
\ir ../helpers.sql
select plan(7);

prepare drift as select name, ref collate "default" from lapse.drift() order by 1, 2;

select pg_temp.place_due_order('watched', '{pi_1}'), pg_temp.place_due_order('cancelled', '{pi_2}'), pg_temp.place_order('placed just now');
select public.close_order(pg_temp.id('cancelled'), false);
select is_empty('drift', 'an order placed a moment ago, one closed a moment ago');
select lapse.fold_inbox(p_now => pg_temp.noon());
select is_empty('drift', 'and one whose payment a run has to cancel are in order');

alter table public.orders disable trigger user;
select pg_temp.place_order('unwatched'), pg_temp.place_due_order('silently closed'), pg_temp.place_due_order('closed here'), pg_temp.place_due_order('quarantined', '{pi_3}');
select lapse.adopt_refs(array[pg_temp.ref(name)], pg_temp.noon()) from unnest(array['silently closed', 'closed here', 'quarantined']) name;
select public.close_order(pg_temp.id('silently closed'), false);
update lapse.orders set status = 'expired', closed_at = now(), next_check_at = null where ref = pg_temp.ref('closed here');
select results_eq(
  'drift',
  $$ select name, pg_temp.ref(of) from (values
       ('open_and_closed', 'closed here'), ('open_and_not_watched', 'unwatched'), ('watched_and_not_open', 'silently closed')
     ) as it (name, of) $$,
  'what the triggers missed is named'
);

select lapse.adopt_orders(p_now => pg_temp.noon());
select results_eq(
  'drift',
  $$ select name, pg_temp.ref(of) from (values ('open_and_closed', 'closed here'), ('watched_and_not_open', 'silently closed')) as it (name, of) $$,
  'adoption repairs a missing watch'
);
select lapse.follow_order(pg_temp.ref('silently closed'), false, pg_temp.noon());
select results_eq('drift', $$ values ('open_and_closed', pg_temp.ref('closed here')) $$, 'and following what the shop closed');

create or replace function lapse_shop.open_orders(p_refs text[] default null)
returns table (ref text, placed_at timestamptz, deadline timestamptz, amount bigint, currency text, account text, stripe_ids text[])
language sql stable
as $$
  select o.id::text, o.created_at, o.expires_at, o.amount, o.currency, null,
    case when o.id::text = md5('watched')::uuid::text then '{pi_1,pi_2,pi_9}'::text[] else '{}' end
  from public.orders o where o.status = 'pending'
$$;
select results_eq(
  $$ select name, ref collate "default" from lapse.drift() where name = 'payment_not_attached' $$, $$ values ('payment_not_attached', pg_temp.ref('watched')) $$,
  'a payment that the shop''s row names and the ledger lacks, or counts to another order'
);
insert into lapse.inbox (kind, ref, payload) values ('attach', pg_temp.ref('watched'), '{"stripe_id": "pi_9"}');
select is_empty($$ select from lapse.drift() where name = 'payment_not_attached' $$, 'unless the inbox holds it');

select * from finish();
rollback;
