begin;
\ir ../helpers.sql
select plan(16);

create table pg_temp.shop (id text, pi text, cs text, account text, voucher_until timestamptz, status text default 'new');
create trigger lapse_attaches after insert or update on shop
  for each row execute function lapse.tg_attach('id', 'pi', 'cs', 'account=account', 'expires_at=voucher_until');
create trigger lapse_follows after update or delete on shop for each row execute function lapse.tg_follow('id', 'status', 'paid', 'shipped');
create function pg_temp.noted() returns text
language plpgsql
as $$
declare
  v_noted text := (select string_agg(i.kind || ' ' || i.ref || ' ' || i.payload, ', ' order by i.id) from lapse.inbox i);
begin
  delete from lapse.inbox;
  return v_noted;
end;
$$;

insert into shop (id) values ('a');
select is(pg_temp.noted(), null, 'an order without payments has none to note');
update shop set pi = 'pi_1', cs = '';
select is(pg_temp.noted(), 'attach a {"stripe_id": "pi_1"}', 'a payment is noted, an empty column is not');
update shop set account = 'acct_1', pi = 'pi_1';
select is(pg_temp.noted(), null, 'a column that stays as it was is no news');
update shop set pi = 'pi_2', cs = 'cs_1';
select is(
  pg_temp.noted(), 'attach a {"account": "acct_1", "stripe_id": "pi_2"}, attach a {"account": "acct_1", "stripe_id": "cs_1"}', 'two payments are two entries'
);
update shop set voucher_until = 'infinity';
select matches(pg_temp.noted(), 'pi_2", "expires_at": "infinity".+cs_1", "expires_at": "infinity"', 'an expiry that becomes known later is news');
update shop set pi = null;
select is(pg_temp.noted(), null, 'a payment that the shop forgets stays noted');

update shop set status = 'paid';
select is(pg_temp.noted(), 'follow a {"paid": true, "status": "paid"}', 'the shop closed the order as paid');
update shop set status = 'paid', cs = cs;
select is(pg_temp.noted(), null, 'the same status again is no news');
update shop set status = 'shipped';
select is(pg_temp.noted(), 'follow a {"paid": true, "status": "shipped"}', 'every status that means paid does');
update shop set status = 'cancelled';
select is(pg_temp.noted(), 'follow a {"paid": false, "status": "cancelled"}', 'any other is closed unpaid');
update shop set status = null;
select is(pg_temp.noted(), 'follow a {"paid": false}', 'so is none');
delete from shop;
select is(pg_temp.noted(), 'follow a {"paid": false}', 'and so is an order that is deleted');

insert into shop (id, status) values ('b', 'paid');
delete from shop;
select is(pg_temp.noted(), 'follow b {"paid": false, "status": "paid"}', 'whatever it was before');

alter table lapse.inbox add constraint full_disk check (kind <> 'attach' or payload ? 'problem');
select lives_ok($$ insert into shop (id, pi) values ('c', 'pi_3') $$, 'a trigger that cannot note something does not break the shop');
select matches(pg_temp.noted(), '^attach c {"problem": "new row for relation', 'and notes that it failed');
alter table lapse.inbox drop constraint full_disk;
alter table lapse.inbox add constraint full_disk check (false) not valid;
select lives_ok($$ insert into shop (id, pi) values ('d', 'pi_4') $$, 'not even where that fails as well');

select * from finish();
rollback;
