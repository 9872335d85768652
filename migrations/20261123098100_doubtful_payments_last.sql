-- Payments that were put off because the key was doubtful go to the end of the clean-up's queue. Otherwise a hundred payments of an
-- account that is gone would be the first to be looked at every week, and the run would never reach one that proves the key.

-- Contract: the payments the database knows the clean-up has to look at: those on the revisit list that fell due at or before p_due_by,
-- open ones of closed orders, and last those whose look was worth nothing. Up to p_limit.
create or replace function jobs.cleanup_candidates(p_livemode boolean, p_due_by timestamptz, p_limit integer)
returns table (kind text, stripe_id text, stripe_account text, order_id uuid, looks integer, ending boolean)
language sql stable
set search_path = ''
as $$
  -- each from its own index, and only as far as the limit needs it
  (
    select r.kind, r.stripe_id, nullif(r.stripe_account, ''), r.order_id, r.looks, r.ending_since is not null
    from jobs.revisits r
    where r.livemode = p_livemode and r.next_look_at <= p_due_by and r.reason <> 'key_doubtful'
    order by r.next_look_at
    limit p_limit
  )
  union all
  (
    select s.kind, s.stripe_id, s.stripe_account, s.order_id, null, null
    from jobs.shop_stale_payments(p_livemode => p_livemode, p_limit => p_limit) s
  )
  union all
  (
    select r.kind, r.stripe_id, nullif(r.stripe_account, ''), r.order_id, r.looks, r.ending_since is not null
    from jobs.revisits r
    where r.livemode = p_livemode and r.next_look_at <= p_due_by and r.reason = 'key_doubtful'
    order by r.next_look_at
    limit p_limit
  )
  limit p_limit;
$$;

revoke all on all functions in schema jobs from public;
