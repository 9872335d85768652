begin;
\ir ../helpers.sql
select plan(3);

insert into public.inventory (sku, on_hand) values ('tea', 100);
create function pg_temp.deadline_of(p_method text, p_expires_at timestamptz default null) returns interval
language sql
as $$
  select o.expires_at - pg_temp.noon()
  from public.place_order('eur', 1, '[{"sku": "tea", "quantity": 1}]', p_method, 'web', p_expires_at, p_now => pg_temp.noon()) o
$$;

select is(pg_temp.deadline_of('card'), interval '30 minutes', 'half an hour');
select is(pg_temp.deadline_of('oxxo'), interval '7 days', 'a week for a voucher');
select is(
  pg_temp.deadline_of('oxxo', pg_temp.noon() + interval '90 minutes'), interval '90 minutes', 'a deadline of the order''s own comes before both'
);

select * from finish();
rollback;
