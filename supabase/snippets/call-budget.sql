-- How close are we to the call budget?
--
-- `most_per_second` is what the jobs may take of each Stripe endpoint (jobs.settings), `allowed_now` what they take at present: less than
-- that means that Stripe slowed them down and they are recovering, by one call per second every five seconds. `busy_for` is how long the
-- slots are reserved ahead. The row `account` is the share of all endpoints together. `calls_per_second` and `refused` tell of the runs of
-- the last hour, all endpoints. If allowed_now stays low, somebody else uses up the account: L011 in docs/payments-ops.md.

select
  case when b.livemode then 'live' else 'test' end as mode,
  b.endpoint,
  x.most as most_per_second,
  least(x.most, b.rate + coalesce(floor(extract(epoch from now() - nullif(b.rate_at, '-infinity')) / 5), x.most)) as allowed_now,
  greatest(b.next_slot_at - now(), interval '0') as busy_for,
  b.throttled_total as refused_ever,
  nullif(b.rate_at, '-infinity') as last_refused_at,
  h.calls_per_second,
  h.refused
from jobs.call_budgets b
cross join jobs.settings s
cross join lateral (
  select case
    when b.endpoint <> 'account' then s.stripe_endpoint_rate
    when b.livemode then floor(s.stripe_account_limit_live / 2)
    else floor(s.stripe_account_limit_test / 2)
  end as most
) x
cross join lateral (
  select round(1000.0 * sum(r.stripe_calls) / nullif(sum(r.duration_ms), 0), 1) as calls_per_second, sum(r.stripe_throttled) as refused
  from public.job_metrics m
  join public.job_runs r on r.job = m.job and r.created_at > now() - interval '1 hour'
  where r.stripe_calls > 0
) h
order by mode, b.endpoint = 'account' desc, b.endpoint;
