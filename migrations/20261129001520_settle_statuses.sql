-- Settling, second part: a run's decisions about its orders.

-- Contract: revises a decision against the current shop and ledger. p_shop is the state of the shop's row, null if
-- another transaction holds it. An order is never expired while one of its payments is not dead, while its row names a
-- payment that the ledger lacked, before a deadline that the shop moved, or if its amount is 0. An operator's word
-- overrules the last two. An order that the shop closed itself is followed. An open order is not paid by money that was
-- compared with less than its amount (p_paid_amount), because the shop raised it meanwhile.
create function lapse.revised_decision(
  p_outcome text,
  p_reason text,
  p_shop text,
  p_payable boolean,
  p_unrecorded boolean,
  p_deadline_ahead boolean,
  p_amount bigint,
  p_paid_amount bigint,
  out outcome text,
  out reason text
)
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  outcome := p_outcome;
  reason := p_reason;
  if p_outcome not in ('expired', 'paid') then
    return;
  elsif p_shop is null then
    outcome := 'handed_back';
    reason := 'order_locked';
  elsif p_outcome = 'paid' then
    -- Money for an order that the shop closed unpaid: a person decides, and the shop's row stays as it is.
    if p_shop in ('closed', 'gone') then
      outcome := 'quarantined';
      reason := 'late_payment';
    elsif p_shop = 'open' and p_paid_amount < p_amount then
      outcome := 'handed_back';
      reason := 'amount_raised';
    end if;
  elsif p_shop = 'paid' then
    outcome := 'paid';
    reason := 'closed_by_shop';
  elsif p_unrecorded then
    outcome := 'handed_back';
    reason := 'payment_unrecorded';
  elsif p_payable then
    outcome := 'retry';
    reason := 'payment_not_dead';
  elsif p_shop <> 'open' then
    reason := 'closed_by_shop';
  elsif p_reason = 'operator_word' then
    return;
  elsif p_deadline_ahead then
    outcome := 'handed_back';
    reason := 'deadline_moved';
  elsif p_amount = 0 then
    outcome := 'quarantined';
    reason := 'nothing_to_pay';
  end if;
end;
$$;

-- Contract: the time of the next check, as a run requested it, but at least settings.backoff_base and at most a month
-- ahead. Jitter of up to a tenth, at most ten minutes, keeps orders that wait for the same event from returning
-- together.
create function lapse.next_look(p_asked timestamptz, p_now timestamptz) returns timestamptz
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  select least(t.at + least((t.at - p_now) / 10, interval '10 minutes') * random(), p_now + interval '1 month')
  from lapse.settings s
  cross join lateral (
    select greatest(least(coalesce(p_asked, p_now), p_now + interval '1 month'), p_now + s.backoff_base) as at
  ) t;
$$;

-- Contract: the time of the next attempt after this many failed ones: exponential backoff with jitter, up to
-- settings.backoff_max.
create function lapse.next_attempt(p_failures integer, p_not_before timestamptz, p_now timestamptz) returns timestamptz
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  select greatest(
    least(coalesce(p_not_before, p_now), p_now + interval '1 month'),
    p_now + least(s.backoff_max, s.backoff_base * (2 ^ least(p_failures, 20)) * (0.75 + random() / 2))
  )
  from lapse.settings s;
$$;

-- Contract: applies decisions to the orders that this run holds (p_held, locked), and returns the results, of which
-- `checked` and `handed_back` are not recorded as decisions. p_unrecorded are orders for which a payment named by
-- their rows was just recorded, or could not be; p_foreign are those whose rows name another order's payment that is
-- not dead. Open orders: failed attempts back off and end in quarantine. Other orders: after the last attempt comes a
-- check in a week, and an alert. If a closed order still has an open payment, the next run checks it.
create function lapse.settle_statuses(
  p_run lapse.runs,
  p_decisions jsonb,
  p_held text[],
  p_shop jsonb,
  p_unrecorded text[],
  p_foreign text[],
  p_now timestamptz
) returns lapse.decision[]
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_livemode boolean := lapse.mode_of(p_run => p_run);
  v_settled lapse.decision[];
  v_exhausted text[];
begin
  with sound as materialized (
    select d.ref, o.account, d.next_check_at as asked, d.grace_until, d.payments as said, o.failures,
      o.status = 'expiring' as is_open,
      greatest(o.deadline, o.hold_until) + g.grace as deadline, p_shop #>> array[o.ref, 'state'] as shop, s.*,
      s.outcome = 'retry' and o.failures + 1 >= g.max_attempts as exhausted
    from lapse.order_decisions(p_decisions => p_decisions) d
    join lapse.orders o on o.ref = d.ref
    cross join lapse.settings g
    cross join lateral lapse.revised_decision(
      p_outcome => d.outcome, p_reason => d.reason, p_shop => p_shop #>> array[o.ref, 'state'],
      p_payable => o.ref = any (p_foreign) or exists (
        select from lapse.payments p where p.ref = o.ref and p.state <> 'dead'
      ),
      p_unrecorded => o.ref = any (p_unrecorded),
      p_deadline_ahead => greatest(o.deadline, o.hold_until) + g.grace > p_now,
      p_amount => o.amount, p_paid_amount => d.amount
    ) s
    where o.ref = any (p_held)
  ),
  effective as (
    select s.ref, s.shop, s.grace_until, s.is_open, s.exhausted,
      case
        when s.exhausted and s.is_open then 'quarantined'
        when not s.is_open and s.outcome in ('waiting', 'quarantined', 'expired') then 'checked'
        else s.outcome
      end as outcome,
      case when s.exhausted then 'attempts_exhausted' else s.reason end as reason,
      case
        when s.exhausted then case when not s.is_open then p_now + interval '7 days' end
        when s.outcome = 'handed_back' then case s.reason
          when 'order_locked' then p_now + interval '1 minute'
          -- Behind the others, and shuffled each time, because a run gives up after a few orders that cannot be
          -- settled.
          when 'not_settled_in_time' then p_now + interval '1 minute' * (1 + random())
          when 'deadline_moved' then s.deadline
          else case
            when s.asked > p_now then least(s.asked, p_now + interval '1 day')
            -- Just before the time to which its account's lists were read, so that the continuation may claim it at
            -- once. If that reading is too old by then, it reads the lists again first.
            else least(p_now, (
              select min(c.read_to) - interval '1 millisecond' from lapse.list_cursors c
              where c.account = s.account and c.livemode = v_livemode having count(*) = 2
            ))
          end
        end
        when s.outcome = 'retry' then lapse.next_attempt(
          p_failures => s.failures, p_not_before => s.asked, p_now => p_now
        )
        when s.outcome = 'waiting' then lapse.next_look(p_asked => s.asked, p_now => p_now)
        when s.outcome = 'paid' then case when x.open_payment then p_now end
        -- a payment that came while the run held the order was not inspected
        when s.outcome = 'checked' and x.unsaid_payment then p_now
        when s.outcome = 'checked' and s.asked is not null then lapse.next_look(p_asked => s.asked, p_now => p_now)
      end as next_check_at
    from sound s
    cross join lateral (
      select
        coalesce(bool_or(p.state = 'open'), false) as open_payment,
        coalesce(bool_or(
          p.state = 'open' and not s.said @> jsonb_build_array(jsonb_build_object('stripeId', p.stripe_id))
        ), false) as unsaid_payment
      from lapse.payments p
      where p.ref = s.ref
    ) x
  ),
  applied as (
    update lapse.orders o
    set status = case
          when e.outcome in ('paid', 'expired', 'quarantined') then e.outcome
          when e.is_open then 'pending'
          else o.status
        end,
        reason = case
          -- This explains why an order stays due for a long time.
          when e.is_open and e.reason in ('order_locked', 'not_settled_in_time') then e.reason
          when e.outcome in ('handed_back', 'checked') or not e.is_open and e.outcome <> 'paid' then o.reason
          else e.reason
        end,
        grace_until = coalesce(o.grace_until, e.grace_until),
        next_check_at = e.next_check_at,
        due_since = case
          when e.outcome in ('handed_back', 'retry') and e.is_open then o.due_since
          when e.outcome = 'quarantined' then o.due_since
          else e.next_check_at
        end,
        run_id = null,
        looks = o.looks + (e.outcome <> 'handed_back')::integer,
        failures = case
          when e.exhausted and not e.is_open then 0
          when e.outcome = 'retry' or e.exhausted then o.failures + 1
          when e.outcome in ('waiting', 'checked') then 0
          else o.failures
        end,
        closed_at = case when e.outcome in ('paid', 'expired') then p_now else o.closed_at end
    from effective e
    where o.ref = e.ref
    returning o.ref, o.next_check_at, e.outcome, e.reason, e.shop, e.exhausted and not e.is_open as given_up
  )
  select
    array_agg(row(
      'order', a.ref, null, a.outcome, a.reason,
      case when a.outcome = 'expired' and a.shop = 'open' then (p_shop #>> array[a.ref, 'units'])::bigint else 0 end,
      a.next_check_at, null
    )::lapse.decision order by a.ref),
    array_agg(a.ref order by a.ref) filter (where a.given_up)
  into v_settled, v_exhausted
  from applied a;

  if v_exhausted <> '{}' then
    perform lapse.raise_alert(
      p_key => 'payments_unclear:attempts_exhausted', p_job => (p_run).job, p_severity => 'warning',
      p_message => 'A payment of a closed order needs an operator: attempts_exhausted',
      p_details => jsonb_build_object(
        'count', cardinality(v_exhausted), 'refs', to_jsonb(v_exhausted[1:5]), 'cause', 'attempts_exhausted'
      ),
      p_now => p_now
    );
  end if;
  return coalesce(v_settled, '{}');
end;
$$;
