-- sync_order and redrive_order: an operator makes an order due immediately.
--
-- The decision is made as usual, by a run with lease, claim, rules and settlement. The run's row has the restriction to
-- one order, like every other option of a run; the request only names the run.

-- Refuses an operator's call without a reason or a name.
create function lapse.check_operator(p_what text, p_reason text, p_requested_by text) returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(btrim(p_reason), '') = '' or coalesce(btrim(p_requested_by), '') = '' then
    raise exception 'Cannot %: a reason and the name of the operator are required', p_what
      using errcode = 'invalid_parameter_value';
  end if;
end;
$$;

-- Contract: the order, locked, after folding its inbox entries. Raises PT404 for an order that is not watched.
create function lapse.lock_watched_order(p_what text, p_ref text, p_now timestamptz) returns lapse.orders
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_order lapse.orders;
begin
  perform lapse.fold_inbox(p_refs => array[p_ref], p_limit => null, p_now => p_now);
  select * into v_order from lapse.orders o where o.ref = p_ref for no key update;
  if not found or v_order.status = 'unknown' then
    raise exception 'Cannot % %: Lapse does not watch this order', p_what, coalesce(left(p_ref, 100), 'null')
      using errcode = 'PT404';
  end if;
  return v_order;
end;
$$;

-- Contract: returns an order to the job, due at once and with its failures reset. Its due time is five minutes ago, so
-- that a run which begins now has read Stripe's lists beyond it even if the clocks differ (lapse.lists_needed_to), but
-- never before the deadline, because until then the customer may still pay.
create function lapse.make_due(p_order lapse.orders, p_reason text, p_now timestamptz) returns lapse.orders
language sql
set search_path = pg_catalog, pg_temp
as $$
  update lapse.orders o
  set status = 'pending',
      reason = p_reason,
      next_check_at = least(
        case when (p_order).status = 'pending' and o.next_check_at <= p_now then o.next_check_at end,
        greatest(p_now - interval '5 minutes', greatest(o.deadline, o.hold_until) + s.grace)
      ),
      due_since = case when (p_order).status = 'pending' then least(o.due_since, p_now) else p_now end,
      failures = 0,
      run_id = null
  from lapse.settings s
  where o.ref = (p_order).ref
  returning o.*;
$$;

-- Contract: a quarantined order becomes pending again and is due at once; its failures are reset. Returns {"ref",
-- "status", "nextCheckAt"}. Raises 22023, PT404, and PT409 for an order that is not quarantined.
create function lapse.redrive_order(
  p_ref text,
  p_reason text,
  p_requested_by text,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_order lapse.orders;
begin
  perform lapse.check_operator(p_what => 'redrive order', p_reason => p_reason, p_requested_by => p_requested_by);
  v_order := lapse.lock_watched_order(p_what => 'redrive order', p_ref => p_ref, p_now => p_now);
  if v_order.status <> 'quarantined' then
    raise exception 'Cannot redrive order %: it is %, not quarantined', p_ref, v_order.status using errcode = 'PT409';
  end if;
  v_order := lapse.make_due(
    p_order => v_order, p_reason => format('redriven by %s: %s', p_requested_by, p_reason), p_now => p_now
  );
  return jsonb_build_object('ref', v_order.ref, 'status', v_order.status, 'nextCheckAt', v_order.next_check_at);
end;
$$;

comment on function lapse.redrive_order(text, text, text, timestamptz) is
  'Returns a quarantined order to the job; needs a reason.';

create function public.lapse_redrive_order(p_ref text, p_reason text, p_requested_by text) returns jsonb
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.redrive_order(p_ref => p_ref, p_reason => p_reason, p_requested_by => p_requested_by, p_now => now());
$$;

comment on function public.lapse_redrive_order(text, text, text) is
  'Returns a quarantined order to the job. For the operator''s tools (secret key) only.';

-- Queues a run restricted to one order and returns its id.
create function lapse.queue_run_of_one(
  p_ref text, p_reason text, p_requested_by text, p_operator_word boolean, p_now timestamptz
) returns uuid
language sql
set search_path = pg_catalog, pg_temp
as $$
  insert into lapse.runs (job, trigger, requested_by, reason, item_limit, ref, operator_word, created_at)
  values ('expire-stale-orders', 'server', p_requested_by, p_reason, 1, p_ref, p_operator_word, p_now)
  returning id;
$$;

-- Contract: makes one order due and queues a run restricted to it, in one transaction; {"runId"} is the run to request
-- from the function. If nobody requests it, the next tick finds the order due. Raises 22023, PT404, and PT409 for an
-- order that is neither pending nor quarantined, or that the customer may still pay: a run would cancel a payment that
-- the customer is about to make.
create function lapse.sync_order(
  p_ref text,
  p_reason text,
  p_requested_by text,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_order lapse.orders;
  v_until timestamptz;
begin
  perform lapse.check_operator(p_what => 'synchronise order', p_reason => p_reason, p_requested_by => p_requested_by);
  v_order := lapse.lock_watched_order(p_what => 'synchronise order', p_ref => p_ref, p_now => p_now);
  if v_order.status not in ('pending', 'quarantined') then
    raise exception 'Cannot synchronise order %: it is %, neither pending nor quarantined', p_ref, v_order.status
      using errcode = 'PT409';
  end if;
  v_until := greatest(v_order.deadline, v_order.hold_until) + (select s.grace from lapse.settings s);
  if v_until > p_now and coalesce(v_order.next_check_at > p_now, true) then
    raise exception 'Cannot synchronise order %: the customer may still pay it until %', p_ref,
      to_char(v_until at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"') using errcode = 'PT409';
  end if;
  perform lapse.make_due(
    p_order => v_order, p_now => p_now, p_reason => case v_order.status
      when 'quarantined' then format('redriven by %s: %s', p_requested_by, p_reason)
      else v_order.reason
    end
  );
  return jsonb_build_object('runId', lapse.queue_run_of_one(
    p_ref => p_ref, p_reason => p_reason, p_requested_by => p_requested_by, p_operator_word => false, p_now => p_now
  ));
end;
$$;

comment on function lapse.sync_order(text, text, text, timestamptz) is
  'Makes one order due and queues a run restricted to it.';

create function public.lapse_sync_order(p_ref text, p_reason text, p_requested_by text) returns jsonb
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.sync_order(p_ref => p_ref, p_reason => p_reason, p_requested_by => p_requested_by, p_now => now());
$$;

comment on function public.lapse_sync_order(text, text, text) is
  'Makes one order due and queues a run restricted to it. For the operator''s tools (secret key) only.';
