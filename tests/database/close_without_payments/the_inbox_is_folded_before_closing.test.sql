begin;
\ir ../helpers.sql
select plan(6);

select pg_temp.place_due_order('moved'), pg_temp.place_due_order('attached');
select pg_temp.begin_run('run');
-- While the run works, the shop's triggers note things.
select lapse.note(
  p_kind => 'watch', p_ref => pg_temp.ref('moved'),
  p_payload => jsonb_build_object('deadline', pg_temp.noon() + interval '1 day', 'placed_at', pg_temp.noon() - interval '2 hours')
);
select pg_temp.place_order('new', pg_temp.noon() - interval '2 hours');

-- And one more while Lapse waits for the shop's rows: whoever has their locks sees it.
alter function lapse_shop.lock_orders(text[], boolean) rename to the_shops_lock_orders;
create function lapse_shop.lock_orders(p_refs text[], p_wait boolean)
returns table (ref text, state text, units bigint, stripe_ids text[])
language plpgsql
as $$
begin
  if not exists (select from lapse.payments) then
    perform lapse.note(
      p_kind => 'attach', p_ref => r, p_payload => '{"stripe_id": "pi_1"}'
    ) from unnest(p_refs) r where r = pg_temp.ref('attached');
  end if;
  return query select * from lapse_shop.the_shops_lock_orders(p_refs => p_refs, p_wait => p_wait);
end;
$$;

select is(pg_temp.close_without_payments('run'), '{"expired": 1, "unitsReleased": 1, "moved": 1}', 'one order is closed');
select is(pg_temp.told('new', 'status'), 'expired', 'that which is due and was only noted');
select is(pg_temp.told('moved', 'status'), 'pending', 'not the one whose deadline has moved');
select is(
  pg_temp.told('attached', 'status') || ', ' || pg_temp.told('attached', 'payments'), 'pending, 1', 'nor the one that has got a payment'
);
select is(pg_temp.claim('run'), 1, 'which is claimed like others with payments');
select is_empty('select id from lapse.inbox where error is null', 'and nothing is left to read');

select * from finish();
rollback;
