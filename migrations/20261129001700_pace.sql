-- Pace: how many payments per second a run may work on.
--
-- All of Lapse together uses half of Stripe's limit for the account (lapse.settings). The clean-up and the webhook take
-- small shares while they work and record them here; expire-stale-orders uses the rest and records how much that is. A
-- run under way learns of a new share when it next settles; the clean-up waits for that. Shares are leases: one
-- that its holder does not renew expires, so no clocks need to agree.

create table lapse.pace_shares (
  caller text primary key check (caller in ('cleanup', 'expire', 'webhook')),
  per_second numeric not null check (per_second >= 0),
  until timestamptz not null
);

comment on table lapse.pace_shares is
  'Payments per second that the clean-up and the webhook take at present, and what expire-stale-orders knows to be left.';
comment on column lapse.pace_shares.caller is 'cleanup, expire or webhook.';
comment on column lapse.pace_shares.per_second is 'Payments per second it takes.';
comment on column lapse.pace_shares.until is 'When the share ends unless it is renewed.';

-- Contract: payments per second for all of Lapse in this mode. An unknown mode counts as that of the list read last,
-- or else as test mode, which is slower.
create function lapse.payments_per_second_in_all(p_livemode boolean) returns numeric
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when coalesce(p_livemode, (select c.livemode from lapse.list_cursors c order by c.read_to desc limit 1), false)
      then s.payments_per_second_live
    else s.payments_per_second_test
  end
  from lapse.settings s;
$$;

-- Contract: the shares in force. One that ends further ahead than a lease can last comes from a clock that was set
-- back, and does not count.
create function lapse.shares_in_force(p_now timestamptz) returns setof lapse.pace_shares
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select p.* from lapse.pace_shares p where p.until > p_now and p.until <= p_now + interval '1 hour 1 minute';
$$;

-- Contract: takes the share of the clean-up or the webhook until the given time, and returns it. At most a quarter of
-- the whole each, so that expire-stale-orders keeps at least half.
create function lapse.take_share(p_caller text, p_livemode boolean, p_until timestamptz) returns numeric
language sql
set search_path = pg_catalog, pg_temp
as $$
  insert into lapse.pace_shares as p (caller, per_second, until)
  select p_caller,
    least(
      case p_caller when 'cleanup' then s.cleanup_payments_per_second else s.webhook_payments_per_second end,
      lapse.payments_per_second_in_all(p_livemode => p_livemode) / 4
    ),
    p_until
  from lapse.settings s
  on conflict (caller) do update set per_second = excluded.per_second, until = excluded.until
  returning p.per_second;
$$;

-- Contract: payments per second for a run of this job. The clean-up's own share; expire-stale-orders gets what the
-- shares in force leave.
create function lapse.payments_per_second(p_job text, p_livemode boolean, p_now timestamptz) returns numeric
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when p_job = 'expire-stale-orders' then greatest(x.all_together - coalesce((
      select sum(p.per_second) from lapse.shares_in_force(p_now => p_now) p where p.caller <> 'expire'
    ), 0), x.all_together / 2)
    else least(s.cleanup_payments_per_second, x.all_together / 4)
  end
  from lapse.settings s
  cross join lateral (select lapse.payments_per_second_in_all(p_livemode => p_livemode) as all_together) x;
$$;

-- Contract: the pace of a run now, {"paymentsPerSecond", "waitForShare"}. A run that is not dry records it as its share
-- for as long as its lease lasts. waitForShare: the clean-up has taken its share, but expire-stale-orders is at work
-- and does not know it yet.
create function lapse.pace_of(p_run lapse.runs, p_now timestamptz) returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_until timestamptz := p_now + (select s.lease from lapse.settings s);
  v_pace numeric;
  v_left numeric;
  v_wait boolean := false;
begin
  if (p_run).job = 'cleanup-stale-payment-intents' and not (p_run).dry_run then
    v_pace := lapse.take_share(p_caller => 'cleanup', p_livemode => (p_run).livemode, p_until => v_until);
    v_left := lapse.payments_per_second(
      p_job => 'expire-stale-orders', p_livemode => (p_run).livemode, p_now => p_now
    );
    v_wait := exists (
      select from lapse.shares_in_force(p_now => p_now) p where p.caller = 'expire' and p.per_second > v_left
    );
  else
    v_pace := lapse.payments_per_second(p_job => (p_run).job, p_livemode => (p_run).livemode, p_now => p_now);
  end if;
  if (p_run).job = 'expire-stale-orders' and not (p_run).dry_run then
    insert into lapse.pace_shares as p (caller, per_second, until) values ('expire', v_pace, v_until)
    on conflict (caller) do update set per_second = excluded.per_second, until = excluded.until;
  end if;
  return jsonb_build_object('paymentsPerSecond', v_pace, 'waitForShare', v_wait);
end;
$$;

-- Contract: releases the share of a run that ends, a second later: Stripe still counts its last calls until then.
create function lapse.release_share(p_run lapse.runs, p_now timestamptz) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  update lapse.pace_shares p
  set until = p_now + interval '1 second'
  where p.caller = case (p_run).job when 'cleanup-stale-payment-intents' then 'cleanup' else 'expire' end
    and p.until > p_now + interval '1 second';
$$;
