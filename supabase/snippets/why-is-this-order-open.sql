-- Why is this order still open?
--
-- Put the order's id in the first line. The rows are its story, oldest first: placed, each payment as it stands now, each decision with
-- its reason, and at the end where it stands and when the job looks again. An order is open because it is not due yet, because a payment
-- may still succeed (processing, requires_capture, voucher_open, slow_method, customer_action), or because it is quarantined.

with asked as (select '00000000-0000-4000-8000-000000000000'::uuid as id),
told as (
  select o.created_at as at, 1 as part, 0::bigint as number, 'placed' as what, o.payment_method as detail,
    format('%s %s, to be paid until %s', o.amount, o.currency, o.expires_at) as explanation
  from asked a
  join public.orders o using (id)
  union all
  select p.created_at, 2, 0, 'payment ' || p.stripe_id, p.state, coalesce(p.reason, 'not looked at yet')
  from asked a
  join public.order_payments p on p.order_id = a.id
  union all
  select d.decided_at, 3, d.id, concat_ws(' ', d.subject, d.stripe_id), d.outcome, d.reason
  from asked a
  join public.job_decisions d on d.order_id = a.id
  union all
  select now(), 4, 0, 'now', o.status, concat_ws(', ', o.status_reason, 'looked at again at ' || o.next_check_at)
  from asked a
  join public.orders o using (id)
)
select at, what, detail, explanation from told order by at, part, number;
