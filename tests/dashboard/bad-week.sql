-- A shop after a bad week: an outage of Stripe five days ago, a brake released with an outlier of orders, a webhook that lost events, and
-- today a brake that is on and refunds beyond the day's limit. What is random is the same each time; times are relative to now.
--
-- Written past Lapse's functions, which would take a week; only for looking at, and for plans over filled tables.

select setseed(0.42);
update lapse.schedules set active = true where job in ('expire-stale-orders', 'cleanup-stale-payment-intents');
update lapse.jobs set brake_on = true where job = 'expire-stale-orders';

-- ninety days of the job that expires orders, with weekends
insert into lapse.metrics_daily (job, day, orders_expired, orders_paid, orders_waiting, orders_retried, orders_quarantined, stock_released,
  payment_intents_canceled, checkout_sessions_expired, payments_kept, late_payments, runs, runs_failed, execution_time)
select 'expire-stale-orders', d.day, d.expired, d.paid, d.expired / 6, d.failed * 40, d.quarantined, d.expired * 2 + d.day_number % 17,
  (d.expired * 0.7)::int, (d.expired * 0.2)::int, d.expired / 9, d.late, 288, d.failed, 288 * 1400
from (
  select (now() at time zone 'utc')::date - n as day, n as day_number,
    case n when 4 then 9420 when 5 then 31
      else (110 + 45 * sin(n * 0.9) + 35 * random() + case when extract(isodow from (now() at time zone 'utc')::date - n) > 5 then 60 else 0 end)::int
    end as expired,
    case n when 3 then 41 when 2 then 37 when 1 then 12 else (random() * 5)::int end as paid,
    case n when 5 then 61 when 4 then 9 when 0 then 2 else (random() * 0.56)::int end as failed,
    case n when 5 then 14 when 4 then 8 when 3 then 3 else (random() * 0.8)::int end as quarantined,
    case n when 4 then 6 when 3 then 2 when 1 then 1 else (random() * 0.53)::int end as late
  from generate_series(0, 89) n
) d;
insert into lapse.metrics_daily (job, day, payment_intents_canceled, payments_kept, late_payments, runs, runs_failed, execution_time)
select 'cleanup-stale-payment-intents', ((now() - make_interval(days => n)) at time zone 'utc')::date, 900 + n, 60, (n = 6)::int, 3, (n = 6)::int, 90000
from generate_series(0, 89) n
where extract(isodow from ((now() - make_interval(days => n)) at time zone 'utc')::date) = 7;

-- seven days of runs, every five minutes: the outage fails them, the brake stops them, the release works its backlog off
insert into lapse.runs (id, job, status, trigger, requested_by, reason, dry_run, livemode, created_at, started_at, finished_at, duration_ms, error,
  orders_expired, orders_paid, orders_waiting, orders_quarantined, stock_released, payment_intents_canceled, payments_kept, late_payments,
  stripe_calls, stripe_throttled, backlog, brake_released_at)
select md5('run' || n)::uuid, 'expire-stale-orders', r.status,
  case when n % 97 = 5 then 'operator' when r.worked and n % 61 = 0 then 'continuation' else 'schedule' end,
  case when n % 97 = 5 then 'c0ffee00-0000-4000-8000-000000000001' end,
  case when n % 97 = 5 then 'a customer asked about an old order' end, false, true, r.at, r.at, r.at + make_interval(secs => r.ms / 1000.0), r.ms,
  case r.status when 'failed' then 'key_rejected: Stripe answered 401: the secret key is wrong, expired or revoked.'
    when 'braked' then 'More than 1000 orders are due for the first time'
    when 'partial' then 'Out of time; a continuation follows' end,
  r.expired, (r.worked and n % 9 = 0)::int, (r.worked and n % 4 = 0)::int * 2, (r.worked and n % 151 = 0)::int, r.expired * 2,
  (r.expired * 0.7)::int, (r.worked and n % 4 = 0)::int * 3, (r.worked and n % 301 = 0)::int, r.expired * 2 + 3, (n between 1100 and 1140)::int * 4,
  case when r.status = 'braked' then 1290 + 17 * (4 - n) when n between 1100 and 1150 then (1150 - n) * 90 else (random() * 6)::int end,
  null
from (
  select n, now() - interval '90 seconds' - n * interval '5 minutes' as at, s.status, s.status in ('succeeded', 'partial') as worked,
    case s.status when 'succeeded' then case when n between 1100 and 1150 then 250 else (random() * 2)::int end when 'partial' then 180 else 0 end as expired,
    case s.status when 'failed' then 300 + (random() * 200)::int when 'braked' then 90 + (random() * 40)::int
      else 700 + (random() * 1100)::int + case when n = 33 then 41000 when n between 1100 and 1150 then 22000 else 0 end end as ms
  from generate_series(0, 2015) n
  cross join lateral (select case
    when n < 4 then 'braked' when n between 1440 and 1500 then 'failed' when n between 1151 and 1190 then 'braked'
    when n between 1100 and 1150 then 'partial' when n in (7, 211) then 'failed' when n = 340 then 'lost' else 'succeeded' end as status) s
) r;
insert into lapse.runs (id, job, status, trigger, livemode, created_at, started_at, finished_at, duration_ms, error, payment_intents_canceled,
  payments_kept, stripe_calls, backlog)
select md5('cleanup' || n)::uuid, 'cleanup-stale-payment-intents', case n when 2 then 'failed' else 'succeeded' end, 'schedule', true, x.at, x.at,
  x.at + interval '31 seconds', 31000, case n when 2 then 'server_error: Stripe answered 5xx' end, case n when 2 then 0 else 310 end, 22, 700, 0
from generate_series(1, 3) n
cross join lateral (select date_trunc('week', now()) - interval '1 day' + interval '2 hours' - n * interval '1 hour' as at) x;

-- orders that are due, waiting, quarantined and closed
insert into lapse.orders (ref, status, reason, amount, currency, method, channel, placed_at, deadline, next_check_at, due_since, looks, payments,
  attempt, failures, closed_at, watched_at)
select o.ref, o.status, o.reason, o.amount, 'eur', o.method, 'web', o.placed, o.placed + interval '30 minutes',
  case when o.status in ('expired', 'paid') then null when o.status = 'quarantined' then null
    when o.looks > 0 then now() + make_interval(mins => 5 + o.n % 55) else o.placed + interval '32 minutes' end,
  case when o.status in ('pending', 'quarantined') then o.placed + interval '32 minutes' end, o.looks, 1, o.looks, 0,
  case when o.status in ('expired', 'paid') then o.placed + interval '35 minutes' end, o.placed
from (
  select n, 'A-' || (204800 - n) as ref,
    case when n <= 1341 then 'pending' when n <= 1405 then 'pending' when n <= 1428 then 'quarantined' when n % 5 = 0 then 'paid' else 'expired' end as status,
    case when n <= 1341 then null
      when n <= 1405 then (array['processing', 'processing', 'voucher_open', 'voucher_open', 'voucher_open', 'requires_capture', 'slow_method', 'customer_action'])[1 + n % 8]
      when n <= 1428 then (array['payment_not_found', 'payment_not_found', 'payment_not_found', 'attempts_exhausted', 'amount_mismatch', 'foreign_payment'])[1 + n % 6]
      when n % 5 = 0 then 'paid' else 'all_dead' end as reason,
    (array[1490, 4200, 8900, 2350, 12900, 650])[1 + n % 6] + (random() * 900)::int as amount,
    (array['card', 'card', 'card', 'klarna', 'boleto', 'sepa_debit'])[1 + n % 6] as method,
    now() - case when n <= 1341 then interval '40 minutes' + n * interval '4 seconds' else interval '3 hours' + (n % 4000) * interval '2 minutes' end as placed,
    case when n <= 1341 then 0 else 2 + n % 5 end as looks
  from generate_series(1, 5000) n
) o;
insert into lapse.payments (stripe_id, ref, state, reason, evidence, attached_at, checked_at, closed_at)
select 'pi_3Q' || left(md5(o.ref), 22), o.ref, case when o.status = 'paid' then 'paid' when o.status = 'expired' then 'dead' else 'open' end, o.reason,
  case when o.status = 'paid' then jsonb_build_object('status', 'succeeded', 'amount', o.amount, 'amount_received', o.amount, 'currency', 'eur')
    when o.status = 'expired' then '{"status": "canceled", "amount_received": 0, "currency": "eur"}'
    when o.looks > 0 then '{"status": "processing", "amount_received": 0, "currency": "eur"}' end,
  o.placed_at + interval '20 seconds', case when o.looks > 0 then o.placed_at + interval '34 minutes' end, o.closed_at
from lapse.orders o;

-- what was decided: a few looks at each order that was inspected
insert into lapse.decisions (run_id, job, subject, ref, stripe_id, outcome, reason, units_released, next_check_at, decided_at)
select md5('run' || (4 + (x.n * 7 + o.looks) % 600))::uuid, 'expire-stale-orders', d.subject, o.ref,
  case when d.subject = 'order' then null else 'pi_3Q' || left(md5(o.ref), 22) end,
  case d.subject
    when 'order' then case when x.look < o.looks then 'waiting' else case o.status when 'pending' then 'waiting' else o.status end end
    else case when x.look < o.looks or o.status in ('pending', 'quarantined') then 'kept' when o.status = 'paid' then 'found_paid' else 'canceled' end end,
  case when x.look < o.looks then 'processing' else o.reason end,
  case when d.subject = 'order' and o.status = 'expired' and x.look = o.looks then 2 else 0 end,
  case when x.look < o.looks then o.deadline + make_interval(mins => 10 * x.look) end, o.deadline + make_interval(mins => 10 * x.look - 8)
from (select o.*, row_number() over (order by o.ref) as n from lapse.orders o where o.looks > 0) o
cross join lateral (select look, o.n from generate_series(1, o.looks) look) x (look, n)
cross join (values ('order'), ('payment_intent')) d (subject);

-- late payments that Lapse gives back: two beyond the day's limit, one that failed, one under way, and eight that succeeded
insert into lapse.payments (stripe_id, ref, state, reason, evidence, attached_at, checked_at, closed_at)
select 'pi_3R' || left(md5(o.ref), 22), o.ref, 'paid', 'order_expired',
  jsonb_build_object('status', 'succeeded', 'amount', o.amount, 'amount_received', o.amount, 'currency', 'eur'),
  o.closed_at + interval '53 minutes', o.closed_at + interval '56 minutes', o.closed_at + interval '56 minutes'
from lapse.orders o
where o.status = 'expired' and o.ref between 'A-203340' and 'A-203354';
insert into lapse.refunds (stripe_id, ref, reason, status, amount, currency, refund_id, error, attempts, held_since, next_attempt_at, created_at, ended_at)
select p.stripe_id, p.ref, 'order_expired', x.status, case when x.n > 2 then (p.evidence ->> 'amount')::bigint end, 'eur',
  case when x.status in ('succeeded', 'pending') then 're_3R' || left(md5('refund' || p.ref), 22) end,
  case x.status when 'failed' then 'charge_disputed: the charge is disputed, so it cannot be refunded' end, (x.n > 2)::int,
  case when x.n <= 2 then now() - interval '20 minutes' end, case x.status when 'pending' then now() + interval '1 hour' end,
  now() - x.n * interval '7 hours', case when x.status in ('succeeded', 'failed') then now() - x.n * interval '7 hours' + interval '4 minutes' end
from (
  select n, case when n <= 2 then 'queued' when n = 3 then 'failed' when n = 4 then 'pending' else 'succeeded' end as status, stripe_id, ref, evidence
  from (select p.*, row_number() over (order by p.ref desc) as n from lapse.payments p where p.reason = 'order_expired') p
) x
join lapse.payments p using (stripe_id);
insert into lapse.decisions (run_id, job, subject, ref, stripe_id, outcome, reason, decided_at)
select md5('run300')::uuid, 'expire-stale-orders', 'payment_intent', p.ref, p.stripe_id, 'late_payment', 'order_expired', p.checked_at
from lapse.payments p
where p.reason = 'order_expired';

update lapse.metrics m
set last_success_time = now() - interval '26 minutes', last_execution_time = now() - interval '89 seconds', job_execution_time = 118, backlog = 1341,
  orders_expired_total = 25310, stock_released_total = 50764, runs_total = 25920, runs_failed_total = 91
where m.job = 'expire-stale-orders';
update lapse.metrics m
set last_success_time = date_trunc('week', now()) - interval '1 day' + interval '1 hour 31 seconds', job_execution_time = 31000, backlog = 0
where m.job = 'cleanup-stale-payment-intents';

select lapse.raise_alert('overdue:old', 'expire-stale-orders', 'critical', 'An order has waited too long for a decision', '{}', now() - interval '5 days');
select lapse.resolve_alert('overdue:old', now() - interval '4 days');
select lapse.raise_alert('brake:expire-stale-orders', 'expire-stale-orders', 'critical',
  'The brake is on: more orders are due than usual, and nothing was touched',
  jsonb_build_object('threshold', 1000, 'runId', md5('run0')::uuid, 'oldestDueAt', now() - interval '97 minutes'), now() - n * interval '5 minutes')
from generate_series(3, 0, -1) n;
select lapse.raise_alert('late_payment:A-203371', 'expire-stale-orders', 'critical', 'A payment succeeded although its order is expired',
  jsonb_build_object('ref', 'A-203371', 'amount', 8900, 'currency', 'eur', 'payments', jsonb_build_array('pi_3Q' || left(md5('A-203371'), 22))), now() - interval '7 hours');
select lapse.raise_alert('quarantined', null, 'warning', '23 orders are quarantined',
  '{"count": 23, "refs": ["A-203372", "A-203373", "A-203374"]}', now() - interval '5 days' + n * interval '1 day')
from generate_series(0, 4) n;
select lapse.raise_alert('refunds_held', null, 'warning', '2 refunds are waiting for an operator',
  jsonb_build_object('count', 2, 'refs', jsonb_agg(r.ref), 'cause', 'settings allow 20 refunds and 200000 minor units of a currency a day'),
  now(), now() - interval '20 minutes')
from lapse.refunds r
where r.held_since is not null;
select lapse.raise_alert('refund_failed:' || r.ref, 'expire-stale-orders', 'critical', 'A refund failed',
  jsonb_build_object('ref', r.ref, 'amount', r.amount, 'currency', 'eur', 'payments', jsonb_build_array(r.stripe_id), 'cause', r.error), r.ended_at)
from lapse.refunds r
where r.status = 'failed';
