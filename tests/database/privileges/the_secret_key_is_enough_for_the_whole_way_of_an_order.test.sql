begin;
\ir ../helpers.sql
select plan(9);

-- As the shop's backend and the functions call it: service_role alone, which can see nothing of the private schema.
set local role service_role;

insert into public.inventory (sku, on_hand) values ('tea', 5);
update public.inventory set on_hand = 6;
select throws_ok('update public.inventory set reserved = 3', '42501', null, 'only the functions reserve stock');
select is(
  (public.place_order('eur', 1000, '[{"sku": "tea", "quantity": 2}]', p_order_id => pg_temp.id('a'), p_now => pg_temp.noon() - interval '1 day')).status,
  'pending', 'it places an order'
);
select is((public.attach_payment(pg_temp.id('a'), 'payment_intent', 'pi_1')).state, 'open', 'attaches a payment');
select throws_ok($$ update public.orders set status = 'paid' $$, '42501', null, 'but changes no order by hand');
select is(
  public.jobs_begin_run(pg_temp.id('run'), 'expire-stale-orders', 'server', p_now => pg_temp.noon()) ->> 'answer', 'running', 'begins a run'
);
select is(jsonb_array_length(public.jobs_claim_orders(pg_temp.id('run'), 1, 10, pg_temp.noon())), 1, 'claims');
select is(
  public.jobs_settle_orders(
    pg_temp.id('run'), 1, jsonb_build_array(pg_temp.decide('a', 'expired', array[pg_temp.said('pi_1', 'canceled')])), pg_temp.noon()
  ),
  '{"outcomes": {"expired": 1}, "superseded": 0}', 'settles'
);
select is(
  public.jobs_finish_run(pg_temp.id('run'), 'succeeded', p_now => pg_temp.noon()) ->> 'stock_released', '2', 'finishes the run'
);
select is(public.mark_order_paid(pg_temp.id('a'), 'pi_late', pg_temp.noon()), 'late_payment', 'and reports what a webhook told it');

select * from finish();
rollback;
