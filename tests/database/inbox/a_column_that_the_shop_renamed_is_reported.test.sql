begin;
\ir ../helpers.sql
select plan(9);

-- A trigger's arguments do not follow a renamed column. Reading nothing from it would turn paid into closed unpaid.
create table pg_temp.shop (id text, total numeric default 1, pi text, status text default 'new');
create trigger lapse_watches after insert on shop for each row execute function lapse.tg_watch('id', 'total', 'eur', '30 minutes');
create trigger lapse_attaches after insert on shop for each row execute function lapse.tg_attach('id', 'pi');
create trigger lapse_follows after update on shop for each row execute function lapse.tg_follow('id', 'status', 'paid');
create function pg_temp.noted() returns text
language plpgsql
as $$
declare
  v_noted text := (
    select string_agg(i.kind || ' ' || coalesce(i.ref, 'of no order') || coalesce(': ' || (i.payload ->> 'problem'), ''), ', ' order by i.kind) from lapse.inbox i
  );
begin
  delete from lapse.inbox;
  return v_noted;
end;
$$;

insert into shop (id, pi) values ('a', 'pi_1');
update shop set status = 'paid';
select is(pg_temp.noted(), 'attach a, follow a, watch a', 'the columns are there');

alter table shop rename column status to state;
select lives_ok($$ update shop set state = 'cancelled' $$, 'the shop is not disturbed');
select is(
  pg_temp.noted(), 'follow a: The row has no column status: correct the trigger''s arguments', 'a renamed status is a problem, not a closing'
);
alter table shop rename column total to amount;
alter table shop rename column pi to payment_intent;
insert into shop (id, payment_intent) values ('b', 'pi_2');
select is(
  pg_temp.noted(),
  'attach b: The row has no column pi: correct the trigger''s arguments, watch b: The row has no column total: correct the trigger''s arguments',
  'so are a renamed payment and a renamed amount'
);
alter table shop rename column id to number;
update shop set state = 'paid' where number = 'b';
insert into shop (number) values ('c');
select is(
  pg_temp.noted(),
  'attach of no order: The row has no column id: correct the trigger''s arguments, '
    'follow of no order: The row has no column id: correct the trigger''s arguments, '
    'watch of no order: The row has no column id: correct the trigger''s arguments',
  'and a renamed key'
);

insert into lapse.inbox (kind, ref, payload, role) values ('follow', null, '{"paid": true}', 'postgres'), ('follow', '', '{"paid": true}', 'postgres');
select lapse.fold_inbox(p_now => pg_temp.noon());
select is((select count(*) from lapse.inbox where error = 'The ref is empty'), 2::bigint, 'an entry of no order stays with its reason');

-- A shop that does not know the amount says so with an empty name.
create table pg_temp.plain (id text);
create trigger lapse_watches after insert on plain for each row execute function lapse.tg_watch('id', '', 'eur', '30 minutes');
delete from lapse.inbox;
insert into plain values ('d');
select is(pg_temp.noted(), 'watch d', 'an empty name is no column');
select lives_ok($$ select lapse.require_columns('{"a": 1}', '{a,unit=major,""}') $$, 'nor is an option');
select throws_ok($$ select lapse.require_columns('{"a": 1}', '{a,b}') $$, '22023', null, 'any other name is one');

select * from finish();
rollback;
