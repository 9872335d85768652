begin;
\ir ../helpers.sql
select plan(5);

select pg_temp.place_order('a');
select lapse.watch_order(upper(pg_temp.ref('a')), 900, 'eur', p_now => pg_temp.noon());
select lapse.attach_payment(upper(pg_temp.ref('a')), 'pi_1', p_now => pg_temp.noon());
select is((select count(*) from lapse.orders), 1::bigint, 'whatever the spelling, it is one order');
select is(pg_temp.told('a', 'amount') || pg_temp.told('a', 'payments'), '9001', 'known by the shop''s own spelling');
select is(
  lapse.mark_paid(upper(pg_temp.ref('a')), 'pi_1', p_now => pg_temp.noon()) || pg_temp.told('a', 'status'), 'paidpaid', 'and paid under any'
);

insert into lapse.inbox (kind, ref) values ('watch', upper(pg_temp.ref('b')));
select is(lapse.known_ref(upper(pg_temp.ref('b'))), upper(pg_temp.ref('b')), 'unless the shop itself writes it in capitals');
select is(lapse.known_ref('ORDER-17'), 'ORDER-17', 'what is no uuid is left as it is');

select * from finish();
rollback;
