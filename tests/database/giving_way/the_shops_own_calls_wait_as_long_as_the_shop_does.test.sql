begin;
\ir ../helpers.sql
select plan(4);

create table pg_temp.finished (n serial, lock_timeout text);
alter function lapse_shop.finish_orders(text[], text[]) rename to the_shops_finish_orders;
create function lapse_shop.finish_orders(p_expired text[], p_paid text[]) returns void
language plpgsql
as $$
begin
  insert into pg_temp.finished (lock_timeout) values (current_setting('lock_timeout'));
  perform lapse_shop.the_shops_finish_orders(p_expired => p_expired, p_paid => p_paid);
end;
$$;

-- From a webhook, in a transaction of the shop's: a payment is not refused because another checkout takes its time.
select pg_temp.place_due_order('paid', '{pi_1}'), pg_temp.place_due_order('bare');
set local lock_timeout = '7s';
select is(pg_temp.mark_paid('paid', 'pi_1'), 'paid', 'a payment that is reported closes its order');
select results_eq('select lock_timeout from pg_temp.finished', $$ values ('7s') $$, 'and waits as long as the shop does');
select is(current_setting('lock_timeout'), '7s', 'whose limit stays as it was');
set local lock_timeout = 0;

delete from pg_temp.finished;
select pg_temp.begin_run('run'), pg_temp.close_without_payments('run');
select results_eq('select lock_timeout from pg_temp.finished', $$ values ('200ms') $$, 'a run gives way');

select * from finish();
rollback;
