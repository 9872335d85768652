begin;
\ir ../helpers.sql
select plan(17);

create or replace function lapse_shop.revive_order(p_ref text) returns boolean language sql as 'select false';
select pg_temp.place_due_order(name) from unnest('{told,found,called,queued,held}'::text[]) name;
select pg_temp.begin_run('run');
select pg_temp.close_without_payments('run');

-- The shop's staff edits the row, of which no trigger tells.
create function pg_temp.sell(p_name text) returns void
language sql
as $$
  update public.stock_reservations set state = 'consumed' where order_id = pg_temp.id(p_name);
  update public.orders set status = 'paid', expired_at = null, paid_at = pg_temp.noon() where id = pg_temp.id(p_name);
$$;
create function pg_temp.alerts(p_name text) returns bigint
language sql
as $$ select count(*) from lapse.alerts a where a.details ->> 'ref' = pg_temp.ref(p_name) and a.resolved_at is null $$;
create function pg_temp.stands(p_name text) returns text
language sql
as $$ select pg_temp.told(p_name, 'status') || ' ' || pg_temp.told(p_name, 'reason') $$;

select pg_temp.sell('told');
select is(pg_temp.mark_paid('told', 'pi_told', 1000), 'already_paid', 'money for an order that the shop sold itself is not late');
select is(pg_temp.stands('told'), 'paid closed_by_shop', 'the ledger follows');
select is(pg_temp.alerts('told'), 0::bigint, 'and no alert is raised');
select is(pg_temp.mark_paid('told', 'pi_more', 1000), 'paid_twice', 'a second payment is one too many');
select is(pg_temp.alerts('told'), 1::bigint, 'which raises an alert');

select is(pg_temp.mark_paid('found', 'pi_found', 1000), 'late_payment', 'money comes first');
select is(pg_temp.alerts('found'), 1::bigint, 'and alerts');
select lapse.follow_order(pg_temp.ref('found'), true, pg_temp.noon());
select is(pg_temp.stands('found'), 'expired no_payment', 'a call alone proves no sale, while the shop''s row is closed');
select pg_temp.sell('found');
select lapse.follow_order(pg_temp.ref('found'), true, pg_temp.noon());
select is(pg_temp.stands('found'), 'paid closed_by_shop', 'sold and told');
select is(pg_temp.alerts('found'), 0::bigint, 'the alert closes');

update lapse.settings set late_payments = 'revive_or_refund', refunds_per_day = 1 where only_row;
select pg_temp.mark_paid('queued', 'pi_queued', 1000, pg_temp.noon() - interval '2 minutes');
select pg_temp.mark_paid('held', 'pi_held', 1000, pg_temp.noon() - interval '1 minute');
select lapse.drop_or_hold_refunds(p_now => pg_temp.noon() - interval '5 seconds');
select results_eq(
  'select stripe_id collate "default", status, held_since is not null from lapse.refunds order by stripe_id',
  $$ values ('pi_held', 'queued', true), ('pi_queued', 'queued', false) $$, 'two refunds wait, one of them for an operator'
);
select pg_temp.sell(name), lapse.follow_order(pg_temp.ref(name), true, pg_temp.noon()) from unnest('{queued,held}'::text[]) name;
select is(
  lapse.claim_refunds(p_run_id => r.id, p_fence => r.fence, p_limit => 10, p_now => pg_temp.noon()), '[]', 'the shop sold both orders: no run gives their money back'
) from lapse.runs r;
select results_eq(
  'select distinct status, held_since from lapse.refunds', $$ values ('not_needed', null::timestamptz) $$, 'the refunds are not needed'
);
select is(pg_temp.alerts('queued') + pg_temp.alerts('held'), 0::bigint, 'which is nobody''s trouble');
select is_empty('select * from lapse.check_refunds_held(p_now => pg_temp.noon())', 'and nothing waits for an operator');
select pg_temp.mark_paid('queued', 'pi_second', 1000);
select is(pg_temp.alerts('queued'), 1::bigint, 'money that stays counts: a second payment is one too many');
update lapse.settings set refund_surplus = true where only_row;
select pg_temp.mark_paid('queued', 'pi_queued', 1000), pg_temp.mark_paid('queued', 'pi_second', 1000);
select results_eq(
  $$ select stripe_id collate "default", status, reason from lapse.refunds where ref = pg_temp.ref('queued') order by 1 $$,
  $$ values ('pi_queued', 'not_needed', 'order_expired'), ('pi_second', 'queued', 'paid_twice') $$, 'and the later one is refunded if the settings say so'
);

select * from finish();
rollback;
