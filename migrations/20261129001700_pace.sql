-- Pace: how many payments per second a run may work on.
--
-- All of Lapse together takes half of what Stripe allows the account (lapse.settings). The clean-up and the webhook
-- take small shares while they work, and say so here; expire-stale-orders takes what they leave. There are no
-- reservations, and no clocks are compared: a share that its holder does not renew ends by itself.

create table lapse.pace_shares (
  caller text primary key check (caller in ('cleanup', 'webhook')),
  per_second numeric not null check (per_second >= 0),
  until timestamptz not null
);

comment on table lapse.pace_shares is
  'Payments per second that the clean-up and the webhook take at present; the rest is for expire-stale-orders.';
comment on column lapse.pace_shares.caller is 'cleanup or webhook.';
comment on column lapse.pace_shares.per_second is 'Payments per second it takes.';
comment on column lapse.pace_shares.until is 'When the share ends unless it is renewed.';

-- Contract: payments per second for all of Lapse in this mode. An unknown mode counts as that of the list read last,
-- else as test, which is slower.
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

comment on function lapse.payments_per_second_in_all(boolean) is 'Payments per second for all of Lapse together.';

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

comment on function lapse.take_share(text, boolean, timestamptz) is
  'Takes the share of the clean-up or the webhook for a while.';

-- Contract: payments per second for a run of this job. The clean-up's own share; expire-stale-orders gets what the
-- shares in force leave. A share that ends further ahead than a lease can last comes from a clock that was set back,
-- and does not count.
create function lapse.payments_per_second(p_job text, p_livemode boolean, p_now timestamptz) returns numeric
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when p_job = 'expire-stale-orders' then greatest(x.all_together - coalesce((
      select sum(p.per_second)
      from lapse.pace_shares p
      where p.until > p_now and p.until <= p_now + interval '1 hour 1 minute'
    ), 0), x.all_together / 2)
    else least(s.cleanup_payments_per_second, x.all_together / 4)
  end
  from lapse.settings s
  cross join lateral (select lapse.payments_per_second_in_all(p_livemode => p_livemode) as all_together) x;
$$;

comment on function lapse.payments_per_second(text, boolean, timestamptz) is
  'Payments per second that a run of a job may work on now.';

-- Contract: the pace of a run now; a run of the clean-up takes or renews its share with it, for as long as its lease
-- lasts.
create function lapse.pace_of(p_run lapse.runs, p_now timestamptz) returns numeric
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if (p_run).job = 'cleanup-stale-payment-intents' and not (p_run).dry_run then
    return lapse.take_share(
      p_caller => 'cleanup', p_livemode => (p_run).livemode, p_until => p_now + (select s.lease from lapse.settings s)
    );
  end if;
  return lapse.payments_per_second(p_job => (p_run).job, p_livemode => (p_run).livemode, p_now => p_now);
end;
$$;

comment on function lapse.pace_of(lapse.runs, timestamptz) is
  'The pace of a run now, with the clean-up''s share renewed.';

-- Contract: a run that ends gives its share back.
create function lapse.release_share(p_run lapse.runs, p_now timestamptz) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  update lapse.pace_shares p set until = p_now
  where p.caller = 'cleanup' and (p_run).job = 'cleanup-stale-payment-intents' and p.until > p_now;
$$;

comment on function lapse.release_share(lapse.runs, timestamptz) is 'Ends the share of a run that ends.';
