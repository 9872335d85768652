-- Which payments were found late?
--
-- Money that arrived although its order is closed (L014), or twice (L013), whoever reported it. Open ones first. Refund each, or fulfil
-- its order, and then resolve the alert with a reason: npm run lapse -- alerts. `amount` is in the currency's minor unit.

select
  a.id as alert, a.code, a.resolved_at is null as open, a.first_seen_at, a.details ->> 'ref' as ref,
  p.stripe_id, (a.details ->> 'amount')::bigint as amount, a.details ->> 'currency' as currency, a.message,
  d.job as found_by, d.decided_at as found_at, a.resolved_by, a.resolved_reason
from lapse.alerts a
left join lateral jsonb_array_elements_text(a.details -> 'payments') p (stripe_id) on true
left join lateral (
  select d.job, d.decided_at
  from lapse.decisions d
  where d.ref = a.details ->> 'ref' and d.stripe_id = p.stripe_id and d.outcome in ('late_payment', 'found_paid')
  order by d.id
  limit 1
) d on true
where a.code in ('L013', 'L014')
order by open desc, a.first_seen_at desc
limit 200;
