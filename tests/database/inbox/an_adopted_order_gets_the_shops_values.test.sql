begin;
\ir ../helpers.sql
select plan(6);

-- A trigger noted the payment of an open order, and no trigger noted the order.
select pg_temp.place_order('open', p_amount => 700), pg_temp.place_order('closed');
delete from lapse.inbox;
update public.orders set status = 'expired', expired_at = pg_temp.noon() where id = pg_temp.id('closed');
delete from lapse.inbox;
select lapse.note(p_kind => 'attach', p_ref => pg_temp.ref(name), p_payload => jsonb_build_object('stripe_id', 'pi_' || name))
from unnest('{open,closed}'::text[]) name;
select lapse.fold_inbox(p_now => pg_temp.noon());
select results_eq(
  $$ select status, amount, payments, next_check_at - pg_temp.noon() from lapse.orders where ref = pg_temp.ref('open') $$,
  $$ values ('pending', 700::bigint, 1, interval '32 minutes') $$, 'it is watched from now on, as the shop has it'
);
select is(pg_temp.told('closed', 'status'), 'unknown', 'a closed one is not: the clean-up inspects its payment');

-- A payment lives on its order's connected account unless it says otherwise.
update lapse.orders set account = 'acct_1' where ref = pg_temp.ref('open');
select lapse.note(p_kind => 'attach', p_ref => pg_temp.ref('open'), p_payload => '{"stripe_id": "pi_2"}');
select lapse.note(p_kind => 'attach', p_ref => pg_temp.ref('open'), p_payload => '{"stripe_id": "pi_3", "account": "acct_2"}');
select lapse.fold_inbox(p_now => pg_temp.noon());
select results_eq(
  $$ select stripe_id collate "default", account from lapse.payments where stripe_id in ('pi_2', 'pi_3') order by 1 $$,
  $$ values ('pi_2', 'acct_1'), ('pi_3', 'acct_2') $$, 'a payment lives on its order''s account, unless it says otherwise'
);

-- The shop cancels an order for which there is money.
select pg_temp.place_due_order('half paid', '{pi_half}');
select pg_temp.mark_paid('half paid', 'pi_half', 400);
select lapse.note(p_kind => 'follow', p_ref => pg_temp.ref('half paid'), p_payload => '{"paid": false}');
select lapse.fold_inbox(p_now => pg_temp.noon());
select is(pg_temp.told('half paid', 'status') || ' ' || pg_temp.told('half paid', 'reason'), 'quarantined late_payment', 'a person decides about the money');
select results_eq(
  'select key, details -> $$payments$$ from lapse.alerts', $$ values ('late_payment:' || pg_temp.ref('half paid'), '["pi_half"]'::jsonb) $$,
  'and hears of it'
);
select is((select count(*) from lapse.inbox), 0::bigint, 'every entry was read');

select * from finish();
rollback;
