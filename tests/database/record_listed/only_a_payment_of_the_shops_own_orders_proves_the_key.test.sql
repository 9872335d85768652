begin;
\ir ../helpers.sql
\ir ../cleanup.sql
select plan(6);

select pg_temp.cursors_at(pg_temp.noon() - interval '1 hour');
-- A shop whose keys are uuids in capitals.
select lapse.watch_order(
  upper(pg_temp.ref('CAPITALS')), p_deadline => pg_temp.noon() + interval '1 day', p_placed_at => pg_temp.noon(), p_now => pg_temp.noon()
);
update lapse.orders set ref = upper(ref);
select pg_temp.place_order('in the shop alone');
update public.orders set status = 'expired', expired_at = pg_temp.noon();
delete from lapse.inbox;
select pg_temp.begin_cleanup('run');
create function pg_temp.proven(p_stripe_id text, p_ref text) returns text
language plpgsql
as $$
begin
  update lapse.list_cursors set proven_at = null;
  return pg_temp.record_listed(
    'run', array[pg_temp.listed(p_stripe_id, p_ref, pg_temp.noon() - interval '1 day')], pg_temp.noon() - interval '1 hour', pg_temp.noon()
  ) ->> 'proven';
end;
$$;

select is(pg_temp.proven('pi_1', 'somebody''s order'), 'false', 'what nobody knows proves nothing: with another shop''s key everything looks like that');
select is(pg_temp.proven('pi_1', 'somebody''s order'), 'false', 'not even the second time');
select is(pg_temp.proven('pi_2', pg_temp.ref('in the shop alone')), 'true', 'an order that only the shop knows does');
select is(pg_temp.proven('pi_3', upper(pg_temp.ref('CAPITALS'))), 'true', 'and so does one of the ledger');
select is((select ref from lapse.payments where stripe_id = 'pi_3'), upper(pg_temp.ref('CAPITALS')), 'in the spelling that the ledger has');
select is(pg_temp.proven('pi_3', upper(pg_temp.ref('CAPITALS'))), 'true', 'also when the payment is known already');

select * from finish();
rollback;
