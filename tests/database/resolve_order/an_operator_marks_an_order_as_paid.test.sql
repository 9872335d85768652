begin;
\ir ../helpers.sql
select plan(16);

create function pg_temp.resolve(p_name text, p_as text default 'paid', p_reason text default 'wired the money', p_by text default 'ann') returns jsonb
language sql
as $$ select lapse.resolve_order(pg_temp.ref(p_name), p_as, p_reason, p_by, pg_temp.noon()) $$;
select pg_temp.place_due_order('quarantined', '{pi_1,pi_2}', p_quantity => 3), pg_temp.place_due_order('held', '{pi_3}', p_quantity => 5);
select pg_temp.place_due_order('cancelled', '{pi_4}'), pg_temp.place_due_order('cancelled and paid', '{pi_5}'), pg_temp.place_due_order('cash', '{pi_6}');
select pg_temp.begin_run('run'), pg_temp.claim('run');
select pg_temp.settle('run', array[
  pg_temp.decide('quarantined', 'quarantined', array[pg_temp.said('pi_1', 'canceled')]), pg_temp.decide('cancelled', 'quarantined'),
  pg_temp.decide('cancelled and paid', 'quarantined', array[pg_temp.said('pi_5', 'found_paid')]), pg_temp.decide('cash', 'quarantined')
]);
alter table public.orders disable trigger lapse_follows;
select public.close_orders(array[pg_temp.id('cancelled'), pg_temp.id('cancelled and paid')], array[pg_temp.id('cash')]);
create temp table before as select pg_temp.everything() as hash;

select throws_ok($$ select pg_temp.resolve('quarantined', p_reason => '') $$, '22023', null, 'not without a reason');
select throws_ok($$ select pg_temp.resolve('quarantined', p_by => ' ') $$, '22023', null, 'nor without a name');
select throws_ok($$ select pg_temp.resolve('quarantined', 'refunded') $$, '22023', null, 'nor as something else');
select throws_ok($$ select pg_temp.resolve('nowhere') $$, 'PT404', null, 'not an unknown order');
select throws_ok(
  $$ select pg_temp.resolve('cancelled') $$, 'PT409',
  format('Cannot resolve order %s as paid: the shop closed it unpaid, and no money for it is recorded', pg_temp.ref('cancelled')),
  'not one that the shop cancelled without any money'
);
select is(pg_temp.everything(), hash, 'and nothing has happened so far') from before;

select is(
  pg_temp.resolve('quarantined'), jsonb_build_object('ref', pg_temp.ref('quarantined'), 'status', 'paid'), 'a quarantined order is paid on an operator''s word'
);
select row_eq(
  $$ select status, reason, closed_at, next_check_at from lapse.orders where ref = pg_temp.ref('quarantined') $$,
  row('paid'::text, 'resolved as paid by ann: wired the money'::text, pg_temp.noon(), pg_temp.noon()),
  'in the ledger, where what is left of its payments is due to be cancelled'
);
select results_eq(
  $$ select o.status, r.state from public.orders o join public.stock_reservations r on r.order_id = o.id where o.id = pg_temp.id('quarantined') $$,
  $$ values ('paid', 'consumed') $$, 'and in the shop'
);
select results_eq(
  $$ select d.outcome, d.reason, r.requested_by, r.reason, r.orders_paid from lapse.decisions d join lapse.runs r on r.id = d.run_id
     where d.ref = pg_temp.ref('quarantined') and r.operator_word $$,
  $$ values ('paid', 'operator_word', 'ann', 'wired the money', 1::bigint) $$, 'who and why can be read as a decision'
);
select is(pg_temp.resolve('held') ->> 'status', 'paid', 'so is one that a run holds');
select is(
  pg_temp.settled('run', array[pg_temp.decide('held', 'expired', array[pg_temp.said('pi_3', 'canceled')])]),
  '{"outcomes": {}, "superseded": 1}', 'which then has nothing to decide'
);
select is(pg_temp.resolve('cash') ->> 'status', 'paid', 'one that is paid in the shop is followed');
select is(pg_temp.resolve('cancelled and paid') ->> 'status', 'paid', 'money for an order that the shop cancelled is dealt with');
select is((select status from public.orders where id = pg_temp.id('cancelled and paid')), 'expired', 'in the shop it stays cancelled');
select throws_ok(
  $$ select pg_temp.resolve('quarantined') $$, 'PT409', format('Cannot resolve order %s as paid: it is paid', pg_temp.ref('quarantined')), 'once is enough'
);

select * from finish();
rollback;
