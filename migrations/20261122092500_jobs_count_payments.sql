-- How many intents the database knows in a stretch of time: what a run needs to choose between one page of Stripe's list and
-- many single reads.

create index order_payments_intents_created_idx on public.order_payments (created_at) where kind = 'payment_intent';

-- Contract: for each stretch from p_from[n] to p_to[n], the number of PaymentIntents attached in it, counted up to p_cap.
create function jobs.shop_count_intents(p_from timestamptz[], p_to timestamptz[], p_cap integer) returns integer[]
language sql stable
set search_path = ''
as $$
  select coalesce(array_agg(counted.n order by s.nr), '{}')
  from unnest(p_from, p_to) with ordinality as s (from_at, to_at, nr)
  cross join lateral (
    select count(*)::integer as n
    from (
      select from public.order_payments p
      where p.kind = 'payment_intent' and p.created_at between s.from_at and s.to_at
      limit p_cap
    ) capped
  ) counted;
$$;

comment on function jobs.shop_count_intents(timestamptz[], timestamptz[], integer) is
  'Number of PaymentIntents attached in each of some stretches of time, up to a cap.';

create function public.jobs_count_intents(p_from timestamptz[], p_to timestamptz[]) returns jsonb
language sql stable
security definer
set search_path = ''
as $$
  -- Beyond 10,000 no batch is worth the pages.
  select to_jsonb(jobs.shop_count_intents(p_from => p_from, p_to => p_to, p_cap => 10000));
$$;

comment on function public.jobs_count_intents(timestamptz[], timestamptz[]) is
  'Number of PaymentIntents attached in each of some stretches of time. For the Edge Functions (secret key) only.';

revoke all on all functions in schema jobs from public;
revoke all on function public.jobs_count_intents(timestamptz[], timestamptz[]) from public, anon, authenticated;
grant execute on function public.jobs_count_intents(timestamptz[], timestamptz[]) to service_role;
