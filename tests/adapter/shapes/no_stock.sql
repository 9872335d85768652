-- Tickets and downloads: no stock, an amount that only Stripe knows, and a key of a type that is cast.
create table public.bookings (
  booking_no numeric(12, 0) primary key,
  key text unique,
  status text not null default 'unpaid',
  at timestamptz not null,
  stripe_id text
);
create sequence public.booking_numbers start 700001;

create function public.test_place(p_key text, p_units integer, p_minutes_ago integer, p_payment text) returns text language sql as $$
  insert into public.bookings (booking_no, key, at, stripe_id)
  values (nextval('public.booking_numbers'), p_key, now() - make_interval(mins => p_minutes_ago), p_payment) returning booking_no::text;
$$;
create function public.test_close(p_key text, p_paid boolean) returns void language sql as $$
  update public.bookings set status = case when p_paid then 'paid' else 'void' end where key = p_key;
$$;
create function public.test_delete(p_key text) returns void language sql as $$ delete from public.bookings where key = p_key $$;
create view public.test_orders as
  select key, booking_no::text as ref, case status when 'unpaid' then 'open' when 'void' then 'closed' else 'paid' end as state from public.bookings;
create view public.test_stock as select 0 as free;
