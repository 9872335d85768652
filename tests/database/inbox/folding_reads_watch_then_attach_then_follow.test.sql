begin;
\ir ../helpers.sql
select plan(13);

create function pg_temp.note(p_kind text, p_ref text, p_payload jsonb, p_role text default 'service_role') returns void
language sql
as $$ insert into lapse.inbox (kind, ref, payload, role) values (p_kind, p_ref, p_payload, p_role) $$;
create function pg_temp.watched(p_ref text, p_amount integer) returns void
language sql
as $$
  select pg_temp.note('watch', p_ref, jsonb_build_object(
    'amount', p_amount::text, 'currency', 'eur', 'deadline', pg_temp.noon() + interval '1 hour', 'placed_at', pg_temp.noon()
  ))
$$;
prepare ledger as select o.ref collate "default", o.status, o.amount::integer, o.payments from lapse.orders o order by 1;

-- In whatever order the entries came.
select pg_temp.note('follow', 'a', '{"paid": true}'), pg_temp.note('attach', 'a', '{"stripe_id": "pi_1"}'), pg_temp.watched('a', 1);
select pg_temp.note('attach', 'b', '{"stripe_id": "pi_2"}'), pg_temp.watched('b', 1), pg_temp.watched('b', 2);
select pg_temp.note('follow', 'b', '{"paid": true}'), pg_temp.note('follow', 'b', '{"paid": false}');
select pg_temp.watched('c', 3), pg_temp.note('follow', 'nowhere', '{"paid": false}');

select is(lapse.fold_inbox(array['a'], p_now => pg_temp.noon()), 3, 'the entries of one order');
select results_eq('ledger', $$ values ('a', 'paid', 1, 1) $$, 'are read: watched, attached, paid');
select is(pg_temp.told('x', 'ref'), null, 'and no other order is touched');
select is(lapse.fold_inbox(p_limit => 2, p_now => pg_temp.noon()), 2, 'at most so many of the oldest');
select is(lapse.fold_inbox(p_now => pg_temp.noon()), 5, 'then the rest');
select results_eq(
  'ledger', $$ values ('a', 'paid', 1, 1), ('b', 'pending', 2, 1), ('c', 'pending', 3, 0) $$,
  'the last watch and the last closing count; closed unpaid with an open payment is still pending; who is unknown needs nothing'
);
select is((select reason from lapse.orders where ref = 'b'), 'closed_by_shop', 'for a run to cancel the payment');
select is(lapse.fold_inbox(p_now => pg_temp.noon()), 0, 'nothing is left');

select pg_temp.note('attach', 'c', '{"stripe_id": "pi_3_secret_xyz", "account": "acct_1"}');
select pg_temp.note('attach', 'c', '{"stripe_id": "https://checkout.stripe.com/c/pay/cs_test_4#fid"}', 'anon');
select pg_temp.note('attach', 'c', jsonb_build_object('stripe_id', 'pi_5', 'expires_at', pg_temp.noon() + interval '3 days'), 'authenticated');
select pg_temp.note('attach', 'c', '{"stripe_id": "pi_6", "expires_at": "infinity"}'), pg_temp.note('attach', 'c', '{"stripe_id": "pi_7", "expires_at": "soon"}');
select lapse.fold_inbox(p_now => pg_temp.noon());
select results_eq(
  $$ select stripe_id collate "default", account, source from lapse.payments where ref = 'c' order by 1 $$,
  $$ values ('cs_test_4', '', 'client'), ('pi_3', 'acct_1', 'server'), ('pi_5', '', 'client'), ('pi_6', '', 'server'), ('pi_7', '', 'server') $$,
  'an id is found in a client secret or the URL of a session; what a customer''s role noted is marked'
);
select row_eq(
  $$ select hold_until - pg_temp.noon(), next_check_at - pg_temp.noon(), payments from lapse.orders where ref = 'c' $$,
  row(interval '3 days', interval '3 days 2 minutes', 5), 'a voucher holds; an expiry that cannot be used makes no payment unreadable'
);
select pg_temp.note('attach', 'c', '{"stripe_id": "pi_5"}');
select lapse.fold_inbox(p_now => pg_temp.noon());
select is((select source from lapse.payments where stripe_id = 'pi_5'), 'server', 'what the shop itself attaches is its own, whoever noted it before');

select pg_temp.note('attach', 'a', '{"stripe_id": "pi_8"}');
select lapse.fold_inbox(p_now => pg_temp.noon());
select is(
  (select next_check_at from lapse.orders where ref = 'a'), pg_temp.noon(), 'a payment that is attached to a closed order falls due at once'
);
select is((select count(*) from lapse.inbox), 0::bigint, 'every entry was read');

select * from finish();
rollback;
