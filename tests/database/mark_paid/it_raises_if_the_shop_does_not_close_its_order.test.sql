begin;
\ir ../helpers.sql
select plan(5);

select pg_temp.place_due_order('a', '{pi_1}');
create temp table before as select pg_temp.everything() as hash;
create function pg_temp.try() returns text
language plpgsql
as $$
begin
  return pg_temp.mark_paid('a', 'pi_1');
exception when others then
  return sqlstate || ': ' || sqlerrm;
end;
$$;

create or replace function lapse_shop.finish_orders(p_expired text[], p_paid text[]) returns void language sql as 'select';
select is(pg_temp.try(), 'LP002: Cannot close 1 orders in the shop: lapse_shop.finish_orders left them in another state', 'finish_orders closes nothing');
create or replace function lapse_shop.lock_orders(p_refs text[], p_wait boolean)
returns table (ref text, state text, units bigint, stripe_ids text[]) language sql
as $$ select r, s, 0::bigint, null::text[] from unnest(p_refs) r cross join unnest(array['open', 'paid']) s $$;
select is(
  pg_temp.try(), format('LP002: Cannot mark order %s as paid: lapse_shop.lock_orders does not report its state', pg_temp.ref('a')),
  'lock_orders contradicts itself'
);
drop function lapse_shop.lock_orders(text[], boolean);
select is(pg_temp.try(), 'LP010: Cannot lock orders of the shop: it has no adapter', 'there is no adapter');
select is(pg_temp.everything(), (select hash from before), 'nothing changed');
select is(
  (select count(*) from lapse.payments where state = 'paid'), 0::bigint, 'and the webhook must deliver it again'
);

select * from finish();
rollback;
