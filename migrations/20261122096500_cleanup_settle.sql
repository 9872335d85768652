-- jobs_settle_payments: writes a batch of the clean-up's decisions, with all their consequences, in one transaction.

-- Contract: a payment succeeded whose order is expired or absent. Reported once: a payment that has an alert already, from a webhook
-- or an earlier look, even a closed one, gets no second one. Answers the row to record, or null.
create function jobs.settle_late_payment(p_decision jsonb, p_now timestamptz) returns jobs.decision[]
language plpgsql
set search_path = ''
as $$
declare
  v_stripe_id text := p_decision ->> 'stripeId';
  v_order_id uuid := (p_decision ->> 'orderId')::uuid;
  v_key text := 'late_payment:' || v_order_id;
  v_evidence jsonb := p_decision -> 'evidence';
begin
  if exists (
    select from public.job_decisions d
    where d.order_id = v_order_id and d.stripe_id = v_stripe_id and d.outcome = 'late_payment'
  ) then
    return null;
  end if;

  if not exists (select from public.job_alerts a where a.key = v_key and a.details -> 'payments' ? v_stripe_id) then
    perform jobs.raise_alert(
      p_key => v_key, p_job => 'cleanup-stale-payment-intents', p_severity => 'critical',
      p_message => case p_decision ->> 'reason'
        when 'order_absent' then 'A payment succeeded although its order does not exist'
        else 'A payment succeeded although its order is expired'
      end,
      p_details => jsonb_build_object(
        'orderId', v_order_id,
        'amount', coalesce(v_evidence -> 'amount_received', v_evidence -> 'amount'),
        'currency', v_evidence -> 'currency',
        'stripeAccount', p_decision -> 'stripeAccount',
        -- several payments of one order are one alert that names them all
        'payments', coalesce(
          (select a.details -> 'payments' from public.job_alerts a where a.key = v_key and a.resolved_at is null), '[]'
        ) || to_jsonb(v_stripe_id)
      ),
      p_now => p_now
    );
  end if;
  return array[row(
    p_decision ->> 'kind', v_order_id, v_stripe_id, 'late_payment', p_decision ->> 'reason', 0, null, v_evidence
  )::jobs.decision];
end;
$$;

comment on function jobs.settle_late_payment(jsonb, timestamptz) is 'Reports a payment that succeeded although its order is closed.';

-- Contract: one decision of the clean-up (functions/_shared/payments.ts) on its way into the tables; answers the rows to record. Each
-- change is a compare-and-set, and only what changed just now is recorded, so that a repeated call records nothing twice. Outcomes:
--   canceled, found_dead   the payment is dead
--   found_paid             it is paid, and so is its order
--   paid                   it is paid, and its order is still open: settle the order
--   late_payment           it is paid, and its order is expired or absent: alert
--   kept                   an operator should know that it was left alone; looked at again at nextLookAt
--   deferred               looked at again at nextLookAt, nothing to report
--   unlisted               nothing more to do
create function jobs.settle_payment(p_decision jsonb, p_livemode boolean, p_now timestamptz) returns jobs.decision[]
language plpgsql
set search_path = ''
as $$
declare
  v_outcome text := p_decision ->> 'outcome';
  v_listed jobs.revisits;
  v_changed boolean;
  v_result text;
  v_row jobs.decision := row(
    p_decision ->> 'kind', (p_decision ->> 'orderId')::uuid, p_decision ->> 'stripeId', v_outcome, p_decision ->> 'reason', 0, null,
    p_decision -> 'evidence'
  )::jobs.decision;
begin
  v_listed := jobs.relist_payment(p_decision => p_decision, p_livemode => p_livemode, p_now => p_now);
  case v_outcome
    when 'canceled', 'found_dead' then
      v_changed := jobs.shop_record_payment(p_decision => p_decision, p_state => 'dead', p_now => p_now);
    when 'found_paid' then
      v_changed := jobs.shop_record_payment(p_decision => p_decision, p_state => 'paid', p_now => p_now);
      perform jobs.alert_wrong_money(p_order_ids => array[v_row.order_id], p_now => p_now);
    when 'paid' then
      v_changed := jobs.shop_record_payment(p_decision => p_decision, p_state => 'paid', p_now => p_now);
      v_result := jobs.shop_settle_paid(p_decision => p_decision, p_now => p_now);
      v_row.outcome := 'found_paid';
      case v_result
        when 'paid' then
          return array[v_row, row('order', v_row.order_id, null, 'paid', v_row.reason, 0, null, null)::jobs.decision];
        when 'late_payment', 'no_order' then
          return jobs.settle_late_payment(p_decision => p_decision, p_now => p_now);
        else
          v_row.reason := case v_result when 'paid_twice' then v_result else v_row.reason end;
      end case;
    when 'late_payment' then
      perform jobs.shop_record_payment(p_decision => p_decision, p_state => 'paid', p_now => p_now);
      return jobs.settle_late_payment(p_decision => p_decision, p_now => p_now);
    when 'kept' then
      perform jobs.shop_record_payment(p_decision => p_decision, p_state => 'open', p_now => p_now);
      v_changed := v_listed.reason is distinct from v_row.reason;
      v_row.next_check_at := (p_decision ->> 'nextLookAt')::timestamptz;
      if v_changed and (p_decision -> 'alert')::boolean then
        perform jobs.alert_unclear_payment(p_decision => v_row, p_now => p_now);
      end if;
      return case when v_changed then array[v_row] end;
    when 'deferred', 'unlisted' then
      return null;
  end case;
  return case when v_changed or v_listed.stripe_id is not null then array[v_row] end;
end;
$$;

comment on function jobs.settle_payment(jsonb, boolean, timestamptz) is 'Applies one decision of the clean-up; answers what to record.';

-- Contract: puts a payment on the revisit list, moves it on there or takes it off. Answers the entry as it was before.
create function jobs.relist_payment(p_decision jsonb, p_livemode boolean, p_now timestamptz) returns jobs.revisits
language plpgsql
set search_path = ''
as $$
declare
  v_stripe_id text := p_decision ->> 'stripeId';
  v_account text := coalesce(p_decision ->> 'stripeAccount', '');
  v_next_look_at timestamptz := (p_decision ->> 'nextLookAt')::timestamptz;
  v_listed jobs.revisits;
begin
  delete from jobs.revisits r
  where r.livemode = p_livemode and r.stripe_id = v_stripe_id and r.stripe_account = v_account
  returning * into v_listed;

  if v_next_look_at is not null then
    insert into jobs.revisits (
      livemode, stripe_id, stripe_account, kind, order_id, reason, looks, next_look_at, ending_since, first_seen_at
    )
    values (
      p_livemode, v_stripe_id, v_account, p_decision ->> 'kind', (p_decision ->> 'orderId')::uuid, p_decision ->> 'reason',
      coalesce(v_listed.looks, 0) + 1,
      -- never within the run that put it here: a run meets each payment once
      greatest(v_next_look_at, p_now + interval '1 second'),
      v_listed.ending_since, coalesce(v_listed.first_seen_at, p_now)
    );
  end if;
  return v_listed;
end;
$$;

comment on function jobs.relist_payment(jsonb, boolean, timestamptz) is 'Keeps the revisit list; answers the entry as it was before.';

-- Contract: one alert per reason, not per payment: a status that Stripe invents must not raise a thousand.
create function jobs.alert_unclear_payment(p_decision jobs.decision, p_now timestamptz) returns void
language sql
set search_path = ''
as $$
  select jobs.raise_alert(
    p_key => 'payments_unclear:' || (p_decision).reason, p_job => 'cleanup-stale-payment-intents', p_severity => 'warning',
    p_message => 'A payment needs a person: ' || (p_decision).reason,
    p_details => jsonb_build_object(
      'reason', (p_decision).reason, 'lastOrderId', (p_decision).order_id, 'lastStripeId', (p_decision).stripe_id
    ),
    p_now => p_now
  );
$$;

comment on function jobs.alert_unclear_payment(jobs.decision, timestamptz) is 'An alert about payments that the clean-up does not understand.';

-- Contract: settles a JSON list of PaymentDecision and moves the sweep over the page they come from (null: no page); all of it commits
-- or nothing does. Returns {"outcomes": {"canceled": n, …}}: the decisions recorded. Safe to repeat.
create function public.jobs_settle_payments(
  p_run_id uuid,
  p_fence bigint,
  p_livemode boolean,
  p_decisions jsonb,
  p_page jsonb default null,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_run public.job_runs := jobs.hold_lease(p_run_id => p_run_id, p_fence => p_fence, p_now => p_now);
  v_decision jsonb;
  v_rows jobs.decision[] := '{}'::jobs.decision[];
begin
  if p_page is not null and not jobs.advance_sweep(p_page => p_page, p_now => p_now) then
    return '{"outcomes": {}}'::jsonb;
  end if;

  perform jobs.shop_lock_for_payments(
    p_order_ids => (select array_agg((d ->> 'orderId')::uuid) from jsonb_array_elements(p_decisions) d)
  );
  for v_decision in select d from jsonb_array_elements(p_decisions) d order by d ->> 'stripeId' loop
    v_rows := v_rows
      || coalesce(jobs.settle_payment(p_decision => v_decision, p_livemode => p_livemode, p_now => p_now), '{}');
  end loop;
  perform jobs.record_decisions(p_run => v_run, p_decisions => v_rows, p_now => p_now);

  return (
    with outcomes as (
      select r.outcome, count(*) as n from unnest(v_rows) r where r.subject <> 'order' group by r.outcome
    )
    select jsonb_build_object('outcomes', coalesce(jsonb_object_agg(o.outcome, o.n), '{}')) from outcomes o
  );
end;
$$;

comment on function public.jobs_settle_payments(uuid, bigint, boolean, jsonb, jsonb, timestamptz) is
  'Settles the clean-up''s decisions about payments and moves its sweep on, in one transaction.';

revoke all on all functions in schema jobs from public;
revoke all on function public.jobs_settle_payments(uuid, bigint, boolean, jsonb, jsonb, timestamptz)
  from public, anon, authenticated;
grant execute on function public.jobs_settle_payments(uuid, bigint, boolean, jsonb, jsonb, timestamptz) to service_role;
