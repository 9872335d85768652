-- Nearly every payment on Stripe's list is settled, and stands in the database as Stripe tells it. Saying so of each of them took more of
-- the sweep's CPU time than reading the list.

-- Contract: what the database knows of the intents of one page, [{"stripeId", "orderId", "status"}, …], as a JSON list of StalePayment in
-- the same order. `status` is what Stripe calls the intent; with it, those are left out of which nothing can be said that is not written
-- down: succeeded, and recorded as paid by the paid order it names; or canceled, and recorded as dead. What is on the revisit list is
-- never left out, and without a status nothing is. The intents live on the platform's own account: the sweep reads no other.
create or replace function public.jobs_inspect_payments(
  p_livemode boolean,
  p_payments jsonb,
  p_now timestamptz default now()
) returns jsonb
language sql stable
security definer
set search_path = ''
as $$
  with asked as (
    select x.n, x.p ->> 'stripeId' as stripe_id, (x.p ->> 'orderId')::uuid as order_id, x.p ->> 'status' as status
    from jsonb_array_elements(p_payments) with ordinality x (p, n)
  ),
  -- materialized: each is read once, and looked at below
  known as materialized (
    select
      a.n, a.order_id, a.status,
      jobs.shop_payment_json(
        p_kind => 'payment_intent', p_stripe_id => a.stripe_id, p_stripe_account => null, p_order_id => a.order_id
      ) as payment,
      (
        select jsonb_build_object('looks', r.looks, 'ending', r.ending_since is not null)
        from jobs.revisits r
        where r.livemode = p_livemode and r.stripe_id = a.stripe_id and r.stripe_account = ''
      ) as listed
    from asked a
  )
  select coalesce(jsonb_agg(k.payment || jsonb_build_object('listed', k.listed) order by k.n), '[]')
  from known k
  where k.listed is not null
    or (k.payment ->> 'orderId')::uuid is distinct from k.order_id
    or case k.status
      when 'succeeded' then k.payment ->> 'recordedState' is distinct from 'paid' or k.payment #>> '{order,status}' is distinct from 'paid'
      when 'canceled' then k.payment ->> 'recordedState' is distinct from 'dead'
      else true
    end;
$$;

comment on function public.jobs_inspect_payments(boolean, jsonb, timestamptz) is
  'What the database knows of the intents of one page, settled ones left out.';
