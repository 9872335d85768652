-- Why is this order still open?
--
-- Put the order's ref in the first line. The rows are its history, oldest first: placed, each payment with its present state, each decision
-- with its reason, and at the end its status and its next check. An order is open because it is not due yet, because a payment
-- may still succeed (processing, requires_capture, voucher_open, slow_method, customer_action), or because it is quarantined.

with asked as (select '00000000-0000-4000-8000-000000000000'::text collate "C" as ref),
told as (
  select o.placed_at as at, 1 as part, 0::bigint as number, 'placed' as what, coalesce(o.method, '') as detail,
    format('%s, to be paid until %s', coalesce(o.amount || ' ' || o.currency, 'amount unknown'), o.deadline) as explanation
  from asked a
  join lapse.orders o using (ref)
  union all
  select p.attached_at, 2, 0, 'payment ' || p.stripe_id, p.state, coalesce(p.reason, 'not inspected yet')
  from asked a
  join lapse.payments p using (ref)
  union all
  select d.decided_at, 3, d.id, concat_ws(' ', d.subject, d.stripe_id), d.outcome, d.reason
  from asked a
  join lapse.decisions d using (ref)
  union all
  select now(), 4, 0, 'now', o.status, concat_ws(', ', o.reason, 'inspected again at ' || o.next_check_at)
  from asked a
  join lapse.orders o using (ref)
)
select at, what, detail, explanation from told order by at, part, number;
