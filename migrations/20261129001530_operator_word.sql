-- An operator's declaration about an order, in a run of that order (lapse.resolve_order), where Stripe gives no answer.

-- Contract: in a run for lapse.resolve_order, declares those payments of the order dead that Stripe can neither find
-- nor cancel. If no other payment is left, the order expires on the operator's word. Otherwise it returns to the job,
-- which decides about the rest as usual. A payment that succeeded, or may still succeed, is never overruled.
create function lapse.apply_operator_word(p_run lapse.runs, p_decisions jsonb, p_now timestamptz) returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_decision jsonb := (
    select d
    from jsonb_array_elements(p_decisions) d
    where d ->> 'ref' = (p_run).ref and d ->> 'outcome' = 'quarantined'
  );
  v_payments jsonb;
  v_left boolean;
begin
  if v_decision is null then
    return p_decisions;
  end if;
  select coalesce(jsonb_agg(case
    when p ->> 'state' = 'open' and lapse.needs_operator(p_reason => p ->> 'reason') then p || jsonb_build_object(
      'state', 'dead', 'outcome', 'found_dead', 'reason', 'declared_dead',
      'evidence', coalesce(nullif(p -> 'evidence', 'null'), '{}') || jsonb_build_object(
        'declared_by', (p_run).requested_by, 'declared_because', (p_run).reason, 'declared_at', p_now,
        'last_reason', p -> 'reason'
      )
    )
    else p
  end), '[]') into v_payments
  from jsonb_array_elements(coalesce(nullif(v_decision -> 'payments', 'null'), '[]')) p;

  v_left := exists (select from jsonb_array_elements(v_payments) p where p ->> 'state' <> 'dead') or exists (
    select from lapse.payments p
    where p.ref = (p_run).ref and p.state <> 'dead'
      and not v_payments @> jsonb_build_array(jsonb_build_object('stripeId', p.stripe_id))
  );
  return jsonb_build_array(v_decision || jsonb_build_object('payments', v_payments) || case
    when not v_left then '{"outcome": "expired", "reason": "operator_word"}'::jsonb
    when v_payments <> v_decision -> 'payments' then '{"outcome": "handed_back", "reason": "operator_word"}'::jsonb
    else '{}'::jsonb
  end);
end;
$$;

-- Contract: whether only a person can resolve a payment that was inspected with this result: Stripe cannot find it or
-- refuses to cancel it, or a bank took the money back.
create function lapse.needs_operator(p_reason text) returns boolean
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(p_reason in (
    'payment_not_found', 'account_access_lost', 'wrong_mode', 'foreign_payment', 'checkout_unclosable',
    'session_recoverable', 'disputed'
  ), false);
$$;
