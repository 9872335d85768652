begin;
\ir ../helpers.sql
select plan(12);

-- A shop whose orders name their payments, and which had orders before Lapse came.
create table pg_temp.shop (
  ref text, placed_at timestamptz, deadline timestamptz, amount bigint, currency text, account text, stripe_ids text[],
  state text not null default 'open', held boolean not null default false
);
do $$
begin
  execute format(
    'create or replace function lapse_shop.open_orders(p_refs text[] default null)
     returns table (ref text, placed_at timestamptz, deadline timestamptz, amount bigint, currency text, account text, stripe_ids text[])
     language sql stable as %L',
    format('select s.ref, s.placed_at, s.deadline, s.amount, s.currency, s.account, s.stripe_ids from %I.shop s where p_refs is null or s.ref = any (p_refs)', (select nspname from pg_namespace where oid = pg_my_temp_schema()))
  );
  execute format(
    'create or replace function lapse_shop.lock_orders(p_refs text[], p_wait boolean)
     returns table (ref text, state text, units bigint, stripe_ids text[]) language sql as %L',
    format('select s.ref, s.state, 1::bigint, s.stripe_ids from %I.shop s where s.ref = any (p_refs) and not s.held',
      (select nspname from pg_namespace where oid = pg_my_temp_schema()))
  );
end
$$;
insert into shop values
  ('a', pg_temp.noon() - interval '1 hour', pg_temp.noon(), 100, 'EUR', 'acct_1', '{pi_1,pi_1_secret_2,cs_2}'),
  ('b', pg_temp.noon() - interval '2 hours', null, null, null, null, null),
  ('c', null, 'infinity', 300, 'eur', '', '{}'),
  ('old', pg_temp.noon() - interval '91 days', pg_temp.noon() - interval '90 days', 400, 'eur', null, '{pi_4}'),
  ('ancient', pg_temp.noon() - interval '20 years', pg_temp.noon() - interval '20 years', 500, 'eur', null, '{}'),
  ('odd', pg_temp.noon(), pg_temp.noon(), -1, 'eur', null, '{pi_5}'),
  ('known', pg_temp.noon(), pg_temp.noon(), 700, 'eur', null, '{}');
select lapse.watch_order('known', 1, 'eur', p_now => pg_temp.noon());
insert into lapse.inbox (kind, ref, payload) values ('watch', 'noted', '{}');

create function pg_temp.ledger() returns text
language sql
as $$
  select string_agg(concat_ws(
    ' ', o.ref, o.status, o.reason, o.amount, o.currency, nullif(o.account, ''), o.deadline - pg_temp.noon(),
    (select array_agg(p.stripe_id order by p.stripe_id) from lapse.payments p where p.ref = o.ref)
  ), e'\n' order by o.ref)
  from lapse.orders o where o.ref not in ('known', 'noted')
$$;

select is(lapse.adopt_orders(2, pg_temp.noon()), 2, 'so many at a time');
select is(
  pg_temp.ledger(), e'ancient quarantined older_than_list 500 eur -7305 days\nold quarantined older_than_list 400 eur -90 days {pi_4}',
  'the oldest first; those from before the reach of Stripe''s lists are for a person to decide'
);
select is((select amount is null and status = 'pending' from lapse.orders where ref = 'noted'), true, 'the inbox was read before');
select is(lapse.adopt_orders(p_now => pg_temp.noon()), 4, 'then the rest');
select is(
  (select string_agg(line, e'\n') from unnest(string_to_array(pg_temp.ledger(), e'\n')) line where line !~ '^(ancient|old|c) '),
  e'a pending 100 eur acct_1 00:00:00 {cs_2,pi_1}\nb pending -01:30:00\nodd quarantined unreadable 00:00:00 {pi_5}',
  'with every payment their rows name; without a deadline the default policy counts; one that cannot be used is quarantined'
);
select row_eq(
  $$ select status, placed_at, deadline > pg_temp.noon() + interval '1000 years' from lapse.orders where ref = 'c' $$,
  row('pending'::text, pg_temp.noon(), true), 'a deadline that never comes is one'
);
select is((select amount from lapse.orders where ref = 'known'), 1::bigint, 'an order that is watched is left alone');
select is(lapse.adopt_orders(p_now => pg_temp.noon()), 0, 'nothing is left');
insert into shop (ref, placed_at, held, state) values
  ('held', pg_temp.noon() - interval '3 hours', true, 'open'), ('paid', pg_temp.noon() - interval '2 hours', false, 'paid'),
  ('free', pg_temp.noon(), false, 'open');
select is(lapse.adopt_orders(1, pg_temp.noon()), 1, 'orders that somebody holds, or that are paid by now, hide none behind them');
select is((select string_agg(ref, ' ') from lapse.orders where ref in ('held', 'paid', 'free')), 'free', 'and are left for a later call');
update shop set held = false;
select is(lapse.adopt_orders(p_now => pg_temp.noon()), 1, 'which takes them once nobody holds them');
drop function lapse_shop.open_orders(text[]);
select is(lapse.adopt_orders(p_now => pg_temp.noon()), 0, 'and without an adapter there is nothing');

select * from finish();
rollback;
