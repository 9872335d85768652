begin;
\ir ../helpers.sql
select plan(11);

-- As the shop's backend and the functions call it: service_role alone, which can see nothing of the private schemas.
insert into public.inventory (sku, on_hand) values ('tea', 6);
update lapse.settings set grace = '0' where only_row;
set local role service_role;

select lives_ok(
  $$ select public.place_order(
       'eur', 1000, '[{"sku": "tea", "quantity": 2}]', p_order_id => pg_temp.id('a'), p_expires_at => now() - interval '1 hour'
     ) $$,
  'it places an order'
);
select lives_ok(
  $$ select public.lapse_watch_order(pg_temp.ref('a'), p_deadline => now() - interval '1 hour') $$, 'has it watched'
);
select lives_ok($$ select public.lapse_attach_payment(pg_temp.ref('a'), 'pi_1') $$, 'attaches a payment');
select throws_ok($$ update public.lapse_orders set status = 'paid' where ref = pg_temp.ref('a') $$, '42501', null, 'but changes no order by hand');
select is(public.lapse_begin_run(pg_temp.id('run'), 'expire-stale-orders', 'server') ->> 'answer', 'running', 'begins a run');
select is(jsonb_array_length(public.lapse_list_windows(pg_temp.id('run'), 1, false)), 2, 'asks which lists to read');
select lives_ok(
  $$ select public.lapse_record_listed(
       pg_temp.id('run'), 1, false, '', list, now() - interval '100 days', now(), '[]'
     ) from unnest(array['payment_intents', 'checkout_sessions']) list $$,
  'tells what it read'
);
select is(jsonb_array_length(public.lapse_claim_orders(pg_temp.id('run'), 1, 10)), 1, 'claims');
select is(
  public.lapse_settle_orders(pg_temp.id('run'), 1, jsonb_build_array(jsonb_build_object(
    'ref', pg_temp.ref('a'), 'attempt', 1, 'outcome', 'expired', 'reason', 'test', 'nextCheckAt', null,
    'payments', jsonb_build_array(pg_temp.said('pi_1', 'canceled'))
  ))) -> 'outcomes' ->> 'expired',
  '1', 'settles'
);
select is(public.lapse_finish_run(pg_temp.id('run'), 'succeeded') ->> 'stock_released', '2', 'finishes the run');
select is(public.lapse_mark_paid(pg_temp.ref('a'), 'pi_late'), 'late_payment', 'and reports what a webhook told it');

select * from finish();
rollback;
