begin;
\ir ../helpers.sql
select plan(8);

create table pg_temp.shop (id text, total numeric default 1, pi text, status text default 'new');
create trigger lapse_watches after insert on shop for each row execute function lapse.tg_watch('id', 'total', 'eur', '30 minutes');
create trigger lapse_attaches after insert on shop for each row execute function lapse.tg_attach('id', 'pi');
create trigger lapse_follows after update on shop for each row execute function lapse.tg_follow('id', 'status', 'paid');

-- What Lapse itself changes is no news of the shop's.
select set_config('lapse.settling', 'on', true);
insert into shop (id, pi) values ('a', 'pi_1');
update shop set status = 'paid';
select is_empty('select kind from lapse.inbox', 'nothing is noted while Lapse settles');
select set_config('lapse.settling', '', true);
update shop set status = 'shipped';
select results_eq('select kind from lapse.inbox', $$ values ('follow') $$, 'and everything afterwards');
delete from lapse.inbox;

-- Nothing can be noted, not even that it failed.
alter table lapse.inbox add constraint full_disk check (false) not valid;
select lives_ok($$ insert into shop (id, pi) values ('b', 'pi_2') $$, 'an order is placed and paid all the same');
select lives_ok($$ update shop set status = 'cancelled' $$, 'and closed');
alter table lapse.inbox drop constraint full_disk;

-- Only the entry itself cannot be noted.
alter table lapse.inbox add constraint odd_values check (payload ? 'problem') not valid;
insert into shop (id, pi) values ('c', 'pi_3');
update shop set status = 'paid' where id = 'c';
select results_eq(
  $$ select kind, ref collate "default" from lapse.inbox order by kind $$, $$ values ('attach', 'c'), ('follow', 'c'), ('watch', 'c') $$,
  'each trigger notes that it failed'
);
alter table lapse.inbox drop constraint odd_values;
select lapse.fold_inbox(p_now => pg_temp.noon());
select is((select count(*) from lapse.inbox where error like '%odd_values%'), 3::bigint, 'and why');
select is((select count(*) from lapse.orders), 0::bigint, 'nothing is guessed');
select is((select count(*) from shop), 3::bigint, 'no row of the shop''s was lost');

select * from finish();
rollback;
