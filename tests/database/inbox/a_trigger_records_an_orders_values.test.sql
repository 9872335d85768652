begin;
\ir ../helpers.sql
select plan(17);

create table pg_temp.shop (
  id bigint, total numeric, currency text, pay_by timestamptz, method text, channel text, made timestamp, account text, status text default 'new'
);
create function pg_temp.noted() returns text
language sql
as $$ select string_agg(i.kind || ' ' || coalesce(i.ref, 'null') || ' ' || i.payload, e'\n' order by i.id) from lapse.inbox i $$;
create function pg_temp.known() returns text
language plpgsql
as $$
begin
  perform lapse.fold_inbox(p_now => pg_temp.noon());
  return (
    select string_agg(concat_ws(
      ' ', o.ref, o.amount, o.currency, o.deadline - pg_temp.noon(), o.method, o.channel, o.placed_at - pg_temp.noon(), nullif(o.account, '')
    ), e'\n' order by o.ref)
    from lapse.orders o
  );
end;
$$;
create function pg_temp.trigger_with(variadic p_arguments text[]) returns void
language plpgsql
as $$
begin
  drop trigger if exists lapse_watches on shop;
  execute format(
    'create trigger lapse_watches after insert or update on shop for each row execute function lapse.tg_watch(%s)',
    (select string_agg(quote_literal(a), ', ') from unnest(p_arguments) a)
  );
  delete from shop;
  delete from lapse.inbox;
  delete from lapse.orders;
end;
$$;

select pg_temp.trigger_with(
  'id', 'total', 'currency', 'pay_by', 'unit=major', 'method=method', 'channel=channel', 'placed_at=made', 'account=account'
);
insert into shop values (1, 12.50, 'EUR', '2026-11-22 14:00:00+01', 'card', 'app', '2026-11-22 11:59:00', 'acct_1');
select is(
  (select concat_ws(' ', i.kind, i.ref, i.payload ->> 'amount', i.payload ->> 'currency', i.role, i.error) from lapse.inbox i),
  'watch 1 12.50 EUR postgres', 'every value as the row has it'
);
select is(
  pg_temp.known(), '1 1250 eur 01:00:00 card app -00:01:00 acct_1',
  'folded: cents from euros, a timestamp without a zone is UTC'
);
select is((select count(*) from lapse.inbox), 0::bigint, 'and the entry is gone');
update shop set total = 13, pay_by = '2026-11-22 15:00:00+01';
select is(pg_temp.known(), '1 1300 eur 02:00:00 card app -00:01:00 acct_1', 'an update is noted, too');
update shop set total = 14;
update shop set total = 15;
select is((select count(*) from lapse.inbox), 2::bigint, 'each change is one entry');
select is(pg_temp.known(), '1 1500 eur 02:00:00 card app -00:01:00 acct_1', 'and the last one counts');

select pg_temp.trigger_with('id', 'total', 'jpy', '45 minutes', 'placed_at=made');
insert into shop (id, total, made) values (2, 500, '2026-11-22 12:00:00');
select is(pg_temp.known(), '2 500 jpy 00:45:00 00:00:00', 'a code and an interval instead of columns');

select pg_temp.trigger_with('id', '', '', '', 'placed_at=made', 'method=method');
insert into shop (id, method, made) values (3, 'oxxo', '2026-11-22 12:00:00');
select is(pg_temp.known(), '3 7 days oxxo 00:00:00', 'no amount, and a deadline by the policy of its method');
update shop set made = null;
select matches(pg_temp.known(), '^3 7 days oxxo 00:00:00', 'what an update does not say stays as it was');

select pg_temp.trigger_with('id', 'total', 'currency', 'pay_by', 'placed_at=made');
insert into shop (id, total, currency, pay_by, made) values (4, 1, 'eur', 'infinity', '2026-11-22 12:00:00');
select matches(pg_temp.noted(), '"deadline": "infinity"', 'an odd value is noted as it is');
select matches(pg_temp.known(), '^4 1 eur 29117\d+ days', 'a deadline that never comes is one');

select pg_temp.trigger_with('id', 'total', 'currency', 'pay_by');
insert into shop (id, total, currency) values (5, null, null);
select is((select payload from lapse.inbox), '{}', 'nothing is noted of nothing');
select lives_ok(
  $$ insert into shop (id, total, currency, pay_by) values (null, 'NaN', 'euro', '-infinity'), (6, 'infinity', '', null), (7, -1, 'eur', null) $$,
  'no row of the shop''s is refused'
);
select is((select count(*) from lapse.inbox), 4::bigint, 'and each is noted');

-- Functions by which a customer's browser writes the shop's tables over REST.
select pg_temp.trigger_with('id', 'total', 'currency', 'pay_by');
grant insert on shop to authenticated;
do $$ begin execute format('grant usage on schema %I to authenticated', (select nspname from pg_namespace where oid = pg_my_temp_schema())); end $$;
set local role authenticated;
insert into shop (id) values (8);
reset role;
select is((select role from lapse.inbox), 'authenticated', 'the role that wrote the row is noted');

select set_config('lapse.settling', 'on', true);
insert into shop (id) values (9);
select set_config('lapse.settling', '', true);
select is((select count(*) from lapse.inbox), 1::bigint, 'what Lapse itself changes is no news');

drop trigger lapse_watches on shop;
create trigger lapse_watches after insert on shop for each row execute function lapse.tg_watch();
insert into shop (id) values (10);
select is((select count(*) from lapse.inbox where ref is null), 1::bigint, 'a trigger without arguments does not break the shop either');

select * from finish();
rollback;
