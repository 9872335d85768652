begin;
\ir ../helpers.sql
select plan(9);

insert into public.inventory (sku, on_hand) values ('tea', 100);
delete from public.expiry_policies;
insert into public.expiry_policies (payment_method, channel, time_to_pay, grace) values
  (null, 'kiosk', '10 minutes', '3 minutes'),
  ('oxxo', 'kiosk', '1 day', '4 minutes'),
  (null, null, '30 minutes', '1 minute'),
  ('oxxo', null, '3 days', '2 minutes');

create function pg_temp.deadline_of(p_method text, p_channel text, p_expires_at timestamptz default null) returns text
language sql
as $$
  select format('%s + %s', o.expires_at - pg_temp.noon(), o.next_check_at - o.expires_at)
  from public.place_order(
    'eur', 1, '[{"sku": "tea", "quantity": 1}]', p_method, p_channel, p_expires_at, p_now => pg_temp.noon()
  ) o
$$;

select is(pg_temp.deadline_of('card', 'web'), '00:30:00 + 00:01:00', 'nothing matches: the default and its grace');
select is(pg_temp.deadline_of('card', 'kiosk'), '00:10:00 + 00:03:00', 'the channel matches');
select is(pg_temp.deadline_of('oxxo', 'web'), '3 days + 00:02:00', 'the method matches');
select is(pg_temp.deadline_of('oxxo', 'kiosk'), '1 day + 00:04:00', 'both match: before method alone and channel alone');
delete from public.expiry_policies where payment_method = 'oxxo' and channel = 'kiosk';
select is(pg_temp.deadline_of('oxxo', 'kiosk'), '3 days + 00:02:00', 'method and channel each match a row: the method wins');

select is(
  pg_temp.deadline_of('oxxo', 'web', pg_temp.noon() + interval '90 minutes'), '01:30:00 + 00:02:00',
  'an expiry of the order''s own comes before every policy; the grace stays'
);
select throws_ok(
  $$ insert into public.expiry_policies (payment_method, channel, time_to_pay) values (null, null, '1 hour') $$,
  '23505', null, 'two defaults cannot exist'
);
delete from public.expiry_policies where payment_method is null and channel is null;
select throws_ok(
  $$ select pg_temp.deadline_of('card', 'web') $$,
  'P0002', 'Cannot place order as no expiry policy matches: current value is card web', 'without a default the order is refused'
);
select is((select count(*) from public.orders where payment_method = 'card'), 2::bigint, 'and not placed');

select * from finish();
rollback;
