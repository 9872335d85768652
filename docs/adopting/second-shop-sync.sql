-- The manual synchronisation of one sale: migrations/*_sync_order.sql, for the second shop.

create or replace function jobs.shop_make_due(p_order_id uuid, p_reason text, p_requested_by text, p_now timestamptz) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_sale shop2.sale_watch;
  v_due_at timestamptz;
begin
  select * into v_sale from shop2.sale_watch w where w.id = p_order_id for update;
  if not found then
    raise exception 'Cannot synchronise order as it does not exist: current value is %', p_order_id using errcode = 'PT404';
  end if;
  if v_sale.status = 'quarantined' then
    perform jobs.shop_redrive(p_order_id => p_order_id, p_reason => p_reason, p_requested_by => p_requested_by, p_now => p_now);
    return;
  end if;
  if v_sale.status <> 'pending' then
    raise exception 'Cannot synchronise order % as it is neither pending nor quarantined: current value is %', p_order_id, v_sale.status
      using errcode = 'PT409';
  end if;
  select s.pay_until + interval '2 minutes' into v_due_at from shop2.sales s where s.sale_no = v_sale.sale_no;
  if v_due_at > p_now then
    raise exception 'Cannot synchronise order % as the customer may still pay it until %: current value is %', p_order_id,
      to_char(v_due_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'), v_sale.status using errcode = 'PT409';
  end if;
  update shop2.sale_watch w set next_check_at = p_now where w.id = p_order_id;
end;
$$;

create or replace function jobs.shop_claim_order(p_run_id uuid, p_order_id uuid, p_now timestamptz, p_until timestamptz) returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  perform shop2.lock_sales(array[p_order_id]);
  update shop2.sale_watch w
  set status = 'expiring', claimed_by = p_run_id, attempt = w.attempt + 1, failures = w.failures + (w.status = 'expiring')::integer,
      next_check_at = p_until
  where w.id = p_order_id and w.status in ('pending', 'expiring') and w.next_check_at <= p_now;
  if not found then
    return '[]'::jsonb;
  end if;
  return (select jsonb_build_array(jobs.shop_order_json(w)) from shop2.sale_watch w where w.id = p_order_id);
end;
$$;

-- `create or replace` keeps the rights of the functions it replaces; the new ones get none.
revoke all on all functions in schema jobs, shop2 from public;
