-- Retention: deletes old rows a batch at a time, each kind after the time that its setting says.
--
-- A decision is kept at least as long as its run, so that the counters of every run that still exists can be
-- recounted; after that only lapse.metrics has the totals. A closed order leaves the ledger before its payments do, so
-- that late money is recognised; a payment of an order that is still in the ledger is never deleted, nor is anything
-- that is not finished: open and quarantined orders, open payments, the inbox, the cursors of Stripe's lists. Of
-- pg_cron's history only Lapse's own rows are touched.

-- Two tables are read in the order of their growing keys. The end of the last batch is stored, so that no call reads
-- over deleted rows or those of other jobs again.
create table lapse.retention_steps (
  step text primary key,
  position integer not null unique,
  done_to bigint not null default 0
);

insert into lapse.retention_steps (step, position) values
  ('cron_history', 1), ('runs', 2), ('decisions', 3), ('orders', 4), ('unknown_orders', 5), ('payments', 6), ('refunds', 7), ('events', 8),
  ('alerts', 9), ('slots', 10);

comment on table lapse.retention_steps is 'What the retention deletes, in its order.';
comment on column lapse.retention_steps.step is 'The function lapse.retain_<step> executes it.';
comment on column lapse.retention_steps.position is 'Its place in the order.';
comment on column lapse.retention_steps.done_to is 'Key up to which nothing is left to delete, for tables that are read by their key.';

create index orders_unknown_idx on lapse.orders (watched_at) where status = 'unknown' and next_check_at is null;

-- Each of the functions below deletes up to one batch and returns how many rows it processed: a full batch means that
-- there may be more.

-- A row whose connection failed has no time; it is at least as old as the rows after it. A history that was emptied
-- manually may begin with lower numbers again.
create function lapse.retain_cron_history(p_settings lapse.settings, p_now timestamptz) returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_done_to bigint;
  v_old bigint[];
begin
  select case when s.done_to <= (select max(d.runid) from cron.job_run_details d) then s.done_to else 0 end into v_done_to
  from lapse.retention_steps s where s.step = 'cron_history' for no key update;
  v_old := array(
    select o.runid
    from (
      select d.runid, min(coalesce(d.end_time, d.start_time)) over (order by d.runid desc) as ended_at
      from (
        select * from cron.job_run_details h where h.runid > v_done_to order by h.runid limit p_settings.retention_batch
      ) d
    ) o
    where o.ended_at < p_now - p_settings.keep_cron_history
    order by o.runid
  );
  delete from cron.job_run_details d
  where d.runid = any (v_old) and (
    d.jobid in (select j.jobid from cron.job j where j.jobname like 'lapse-%')
    -- Jobs of an earlier installation.
    or d.command ~ '^(select|call) lapse\.' and not exists (select from cron.job j where j.jobid = d.jobid)
  );
  update lapse.retention_steps s set done_to = coalesce(v_old[cardinality(v_old)], v_done_to)
  where s.step = 'cron_history' and s.done_to <> coalesce(v_old[cardinality(v_old)], v_done_to);
  return cardinality(v_old);
end;
$$;

-- Deletes old decisions whose run is gone.
create function lapse.retain_decisions(p_settings lapse.settings, p_now timestamptz) returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_deleted bigint;
  v_done_to bigint;
begin
  select s.done_to into strict v_done_to from lapse.retention_steps s where s.step = 'decisions' for no key update;
  with batch as (
    select d.id, d.decided_at < p_now - p_settings.keep_decisions and not exists (
      select from lapse.runs r where r.id = d.run_id
    ) as old
    from (
      select * from lapse.decisions o where o.id > v_done_to order by o.id limit p_settings.retention_batch
    ) d
  ),
  deleted as (
    delete from lapse.decisions d using batch b where d.id = b.id and b.old
    returning d.id
  )
  select
    (select count(*) from deleted),
    coalesce((select min(b.id) - 1 from batch b where not b.old), (select max(b.id) from batch b), v_done_to)
  into v_deleted, v_done_to;
  update lapse.retention_steps s set done_to = v_done_to where s.step = 'decisions' and s.done_to <> v_done_to;
  return v_deleted;
end;
$$;

-- Deletes runs that ended long ago.
create function lapse.retain_runs(p_settings lapse.settings, p_now timestamptz) returns bigint
language sql
set search_path = pg_catalog, pg_temp
as $$
  with deleted as (
    delete from lapse.runs r
    where r.id in (
      select o.id from lapse.runs o where o.finished_at < p_now - p_settings.keep_runs order by o.finished_at limit p_settings.retention_batch
    )
    returning 1
  )
  select count(*) from deleted;
$$;

-- Deletes closed orders without an open payment from the ledger.
create function lapse.retain_orders(p_settings lapse.settings, p_now timestamptz) returns bigint
language sql
set search_path = pg_catalog, pg_temp
as $$
  with deleted as (
    delete from lapse.orders o
    where o.ref in (
      select c.ref
      from lapse.orders c
      where c.closed_at < p_now - p_settings.keep_orders and c.next_check_at is null
        and not exists (select from lapse.payments p where p.ref = c.ref and p.state = 'open')
      order by c.closed_at
      limit p_settings.retention_batch
      for no key update skip locked
    )
    returning 1
  )
  select count(*) from deleted;
$$;

-- Refs that only payments at Stripe named, and that are fully resolved.
create function lapse.retain_unknown_orders(p_settings lapse.settings, p_now timestamptz) returns bigint
language sql
set search_path = pg_catalog, pg_temp
as $$
  with deleted as (
    delete from lapse.orders o
    where o.ref in (
      select c.ref
      from lapse.orders c
      where c.status = 'unknown' and c.next_check_at is null and c.watched_at < p_now - p_settings.keep_orders
        and not exists (select from lapse.payments p where p.ref = c.ref and p.state = 'open')
      order by c.watched_at
      limit p_settings.retention_batch
      for no key update skip locked
    )
    returning 1
  )
  select count(*) from deleted;
$$;

-- Deletes closed payments whose order has left the ledger.
create function lapse.retain_payments(p_settings lapse.settings, p_now timestamptz) returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_deleted bigint;
begin
  perform set_config('lapse.retaining', 'on', true);
  delete from lapse.payments p
  where p.stripe_id in (
    select c.stripe_id
    from lapse.payments c
    where c.closed_at < p_now - p_settings.keep_payments and c.state <> 'open'
      and not exists (select from lapse.orders o where o.ref = c.ref)
    order by c.closed_at
    limit p_settings.retention_batch
    for no key update skip locked
  );
  get diagnostics v_deleted = row_count;
  perform set_config('lapse.retaining', '', true);
  return v_deleted;
end;
$$;

-- As long as its payment is known, the refund's row prevents a second refund.
create function lapse.retain_refunds(p_settings lapse.settings, p_now timestamptz) returns bigint
language sql
set search_path = pg_catalog, pg_temp
as $$
  with deleted as (
    delete from lapse.refunds r
    where r.id in (
      select o.id from lapse.refunds o
      where o.created_at < p_now - p_settings.keep_payments and o.ended_at is not null
        and not exists (select from lapse.payments p where p.stripe_id = o.stripe_id)
      order by o.created_at
      limit p_settings.retention_batch
    )
    returning 1
  )
  select count(*) from deleted;
$$;

-- Stripe repeats an event for three days at most, and an operator may for thirty.
create function lapse.retain_events(p_settings lapse.settings, p_now timestamptz) returns bigint
language sql
set search_path = pg_catalog, pg_temp
as $$
  with deleted as (
    delete from lapse.events e
    where e.id in (
      select o.id from lapse.events o where o.received_at < p_now - interval '35 days'
      order by o.received_at limit p_settings.retention_batch
    )
    returning 1
  )
  select count(*) from deleted;
$$;

-- Deletes alerts that were resolved long ago.
create function lapse.retain_alerts(p_settings lapse.settings, p_now timestamptz) returns bigint
language sql
set search_path = pg_catalog, pg_temp
as $$
  with deleted as (
    delete from lapse.alerts a
    where a.id in (
      select o.id from lapse.alerts o where o.resolved_at < p_now - p_settings.keep_alerts
      order by o.resolved_at limit p_settings.retention_batch
    )
    returning 1
  )
  select count(*) from deleted;
$$;

-- Deletes old slots. There is at most one a day, so they need no batches.
create function lapse.retain_slots(p_settings lapse.settings, p_now timestamptz) returns bigint
language sql
set search_path = pg_catalog, pg_temp
as $$
  with deleted as (
    delete from lapse.schedule_slots s where s.slot_at < p_now - p_settings.keep_slots
    returning 1
  )
  select count(*) from deleted;
$$;

-- Deletes one batch of one step. Returns whether there may be more.
create function lapse.retain_batch(p_step text, p_now timestamptz default now()) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
  v_settings lapse.settings := lapse.watch_settings();
  v_rows bigint;
begin
  execute format('select lapse.%I($1, $2)', 'retain_' || p_step) into v_rows using v_settings, p_now;
  return v_rows >= v_settings.retention_batch;
end;
$$;

-- The steps of the retention, in order.
create function lapse.retention_order() returns text[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select array(select s.step from lapse.retention_steps s order by s.position);
$$;

-- Deletes rows older than their setting: batch after batch, each in a separate transaction, every kind in turn, until
-- nothing is left or the time is over. It cannot be called inside a transaction. Therefore it cannot set a search_path
-- and uses only qualified names.
create procedure lapse.retain(
  p_now pg_catalog.timestamptz default pg_catalog.now(),
  p_limit pg_catalog.interval default '60 seconds'
)
language plpgsql
as $$
declare
  v_until pg_catalog.timestamptz := pg_catalog.clock_timestamp() operator(pg_catalog.+) p_limit;
  v_steps pg_catalog.text[] := lapse.retention_order();
  v_full pg_catalog.text[];
  v_step pg_catalog.text;
begin
  while v_steps[1] is not null loop
    v_full := '{}';
    foreach v_step in array v_steps loop
      if lapse.retain_batch(v_step, p_now) then
        v_full := pg_catalog.array_append(v_full, v_step);
      end if;
      commit;
      exit when pg_catalog.clock_timestamp() operator(pg_catalog.>=) v_until;
    end loop;
    exit when pg_catalog.clock_timestamp() operator(pg_catalog.>=) v_until;
    v_steps := v_full;
  end loop;
end;
$$;
comment on procedure lapse.retain(timestamptz, interval) is
  'Deletes rows older than their setting, a batch at a time. pg_cron calls it: call lapse.retain()';
