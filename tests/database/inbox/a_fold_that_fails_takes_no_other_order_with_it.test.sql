begin;
\ir ../helpers.sql
select plan(5);

-- Whatever goes wrong in the database for one order, in a way nobody thought of.
create function pg_temp.break() returns trigger
language plpgsql
as $$ begin raise exception 'broken'; end $$;
create trigger broken before insert on lapse.orders for each row when (new.ref = 'b') execute function pg_temp.break();
insert into lapse.inbox (kind, ref) values ('watch', 'a'), ('watch', 'b'), ('watch', 'c');

select is(lapse.fold_inbox(array['b'], p_now => pg_temp.noon()), 1, 'folding one order never raises');
select is((select error from lapse.inbox where ref = 'b'), null, 'nor says so in a transaction of the shop''s');
select is(lapse.fold_inbox(p_now => pg_temp.noon()), 3, 'nor does folding all');
select results_eq('select ref collate "default" from lapse.orders order by 1', $$ values ('a'), ('c') $$, 'the others are read');
select results_eq('select ref collate "default", error from lapse.inbox', $$ values ('b', 'broken') $$, 'and the one stays with its reason');

select * from finish();
rollback;
