-- How long an order may stay unpaid, by payment method and channel.
--
-- Contract: place_order takes the most specific row that matches (method and channel, then method, then channel, then the
-- row without either). The row without either is the default and has to exist.

create table public.expiry_policies (
  id bigint generated always as identity primary key,
  payment_method text,
  channel text,
  time_to_pay interval not null check (time_to_pay > interval '0'),
  grace interval not null default interval '2 minutes' check (grace >= interval '0'),
  constraint one_policy_each unique nulls not distinct (payment_method, channel)
);

comment on table public.expiry_policies is 'Deadlines by payment method and channel; the most specific row wins.';
comment on column public.expiry_policies.id is 'Number of the policy.';
comment on column public.expiry_policies.payment_method is 'Payment method the row is for; empty: any.';
comment on column public.expiry_policies.channel is 'Sales channel the row is for; empty: any.';
comment on column public.expiry_policies.time_to_pay is 'Time from placing the order to its deadline, as the customer sees it.';
comment on column public.expiry_policies.grace is
  'Hidden time after the deadline before the job looks: a payment made in the last second still arrives in it.';

insert into public.expiry_policies (payment_method, channel, time_to_pay) values
  (null, null, interval '30 minutes'),
  -- Vouchers and bank transfers are paid days after they were chosen. Their own expiry, when the shop passes it to
  -- place_order or attach_payment, comes before these.
  ('boleto', null, interval '7 days'),
  ('konbini', null, interval '7 days'),
  ('multibanco', null, interval '7 days'),
  ('oxxo', null, interval '7 days'),
  ('voucher', null, interval '7 days'),
  ('bank_transfer', null, interval '7 days'),
  ('customer_balance', null, interval '7 days');

alter table public.expiry_policies enable row level security;
revoke all on table public.expiry_policies from public, anon, authenticated, service_role;
grant select on table public.expiry_policies to authenticated;
grant select, insert, update, delete on table public.expiry_policies to service_role;

create policy "operators and viewers read expiry policies" on public.expiry_policies
  for select to authenticated
  using (((select auth.jwt()) -> 'app_metadata' ->> 'jobs_role') in ('operator', 'viewer'));
