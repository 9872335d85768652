begin;
\ir ../helpers.sql
select plan(8);

select pg_temp.place_due_order('third', '{pi_3}', p_due_for => '1 minute');
select pg_temp.place_due_order('first', '{pi_1,cs_1}', p_due_for => '3 days');
select pg_temp.place_due_order('second', '{pi_2}', p_due_for => '2 hours');
select pg_temp.place_due_order('this very moment', '{pi_4}', p_due_for => '0');
select pg_temp.place_due_order('not due yet', '{pi_5}', p_due_for => '-1 microsecond');
select pg_temp.place_due_order('no payment', p_due_for => '4 days');
select pg_temp.place_due_order('paid', '{pi_6}', p_due_for => '5 days');
select pg_temp.mark_paid('paid', 'pi_6');
select pg_temp.begin_run('run');

create function pg_temp.claim_up_to(p_limit integer) returns setof text
language sql
as $$
  select name
  from jsonb_array_elements(lapse.claim_orders(pg_temp.id('run'), 1, p_limit, pg_temp.noon())) o
  join unnest(array['first', 'second', 'third', 'this very moment', 'not due yet', 'no payment', 'paid']) name
    on pg_temp.ref(name) = o ->> 'ref'
$$;

select bag_eq('select pg_temp.claim_up_to(2)', $$ values ('first'), ('second') $$, 'the oldest, up to the limit');
select row_eq(
  $$ select status, run_id, attempt, failures, next_check_at from lapse.orders where ref = pg_temp.ref('first') $$,
  row('expiring'::text, pg_temp.id('run'), 1, 0, pg_temp.noon() + interval '2 minutes'), 'they are the run''s for the length of a lease'
);
select bag_eq('select pg_temp.claim_up_to(10)', $$ values ('third'), ('this very moment') $$, 'then what else is due and has a payment');
select is_empty('select pg_temp.claim_up_to(10)', 'what is claimed is not claimed again');
select results_eq(
  $$ select status from lapse.orders where ref in (pg_temp.ref('not due yet'), pg_temp.ref('no payment'), pg_temp.ref('paid')) order by 1 $$,
  $$ values ('paid'), ('pending'), ('pending') $$, 'orders not due, without payments, or closed are left alone'
);

-- What the functions parse: functions/_shared/database/orders.ts
select pg_temp.settle('run', array[pg_temp.decide('first', 'handed_back')]);
create temp table claimed as select lapse.claim_orders(pg_temp.id('run'), 1, 1, pg_temp.noon()) -> 0 as o;
select is(
  (select o - 'payments' from claimed),
  jsonb_build_object(
    'ref', pg_temp.ref('first'), 'status', 'open', 'attempt', 2, 'amount', 1000, 'currency', 'eur', 'account', '', 'method', 'card',
    'placedAt', pg_temp.noon() - interval '3 days 32 minutes', 'deadline', pg_temp.noon() - interval '3 days 2 minutes', 'graceUntil', null,
    'shopState', null
  ),
  'a claim says what the run has to know of the order'
);
select is(
  (select o -> 'payments' -> 0 from claimed),
  jsonb_build_object(
    'stripeId', 'cs_1', 'kind', 'checkout_session', 'account', '', 'state', 'open', 'source', 'server', 'reason', null,
    'receivedAmount', null, 'intent', null, 'attachedAt', pg_temp.noon() - interval '3 days 31 minutes'
  ),
  'and of each of its payments'
);
select is(lapse.claim_orders(pg_temp.id('run'), 1, 0, pg_temp.noon()), '[]'::jsonb, 'a limit of nothing claims nothing');

select * from finish();
rollback;
