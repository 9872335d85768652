-- The sweep's checkpoints: which slice of Stripe's list comes next, and how far it has come.

-- Contract: the slice that follows when everything in [p_swept_from, p_swept_to) has been seen (both null: nothing yet), or no row when
-- the sweep is up to date. Whole seconds, like Stripe's `created`. The rest of a week is one slice, so that an empty week costs one
-- call. A span under a minute waits for the next run, or each run would leave a little to do.
create function jobs.next_slice(p_swept_from timestamptz, p_swept_to timestamptz, p_now timestamptz)
returns table (created_from timestamptz, created_to timestamptz)
language sql stable
set search_path = ''
as $$
  with bounds as (
    select
      date_trunc('second', p_now - s.stale_age) as stale_before,
      date_trunc('second', s.sweep_start) as configured_start,
      date_trunc('second', p_now - interval '30 days') as default_start,
      s.sweep_slice as slice
    from jobs.settings s
  ),
  slice as (
    -- an earlier start was configured after the sweep had begun
    select greatest(b.configured_start, p_swept_from - b.slice) as created_from, p_swept_from as created_to
    from bounds b
    where b.configured_start < p_swept_from
    union all
    select x.start, least(x.start + b.slice, b.stale_before)
    from bounds b
    cross join lateral (select coalesce(p_swept_to, b.configured_start, b.default_start) as start) x
    where b.stale_before - x.start >= interval '1 minute'
  )
  select s.created_from, s.created_to from slice s limit 1;
$$;

comment on function jobs.next_slice(timestamptz, timestamptz, timestamptz) is 'The slice that the sweep walks next.';

create function jobs.slice_json(p_sweep public.job_sweeps) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'id', (p_sweep).id,
    'createdFrom', (p_sweep).created_from,
    'createdTo', (p_sweep).created_to,
    'cursor', (p_sweep).cursor,
    'reached', (p_sweep).reached
  );
$$;

comment on function jobs.slice_json(public.job_sweeps) is 'A slice as a run reads it (functions/_shared/payments.ts).';

-- Contract: the slice under way, else a new one, else null.
create function public.jobs_next_slice(
  p_run_id uuid,
  p_fence bigint,
  p_livemode boolean,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_sweep public.job_sweeps;
begin
  perform jobs.hold_lease(p_run_id => p_run_id, p_fence => p_fence, p_now => p_now);
  -- Working time is counted from here: what lies between two runs is a pause.
  update public.job_sweeps s set continued_at = p_now
  where s.livemode = p_livemode and s.finished_at is null
  returning * into v_sweep;
  if not found then
    insert into public.job_sweeps (livemode, created_from, created_to, reached, started_at, continued_at)
    select p_livemode, n.created_from, n.created_to, n.created_to, p_now, p_now
    from (select min(s.created_from) as swept_from, max(s.created_to) as swept_to from public.job_sweeps s where s.livemode = p_livemode) x
    cross join lateral jobs.next_slice(p_swept_from => x.swept_from, p_swept_to => x.swept_to, p_now => p_now) n
    returning * into v_sweep;
  end if;
  return case when v_sweep.id is not null then jobs.slice_json(v_sweep) end;
end;
$$;

comment on function public.jobs_next_slice(uuid, bigint, boolean, timestamptz) is 'The slice under way, or the next one; null: the sweep is up to date.';

-- Contract: what a dry run walks instead: the slice under way, then those that would follow, given what the dry run has walked itself
-- ([p_walked_from, p_walked_to), both null at first). Changes nothing; `id` is null for a slice that does not exist yet.
create function public.jobs_preview_slice(
  p_livemode boolean,
  p_walked_from timestamptz,
  p_walked_to timestamptz,
  p_now timestamptz default now()
) returns jsonb
language sql stable
security definer
set search_path = ''
as $$
  select coalesce(
    (
      select jobs.slice_json(s)
      from public.job_sweeps s
      where s.livemode = p_livemode and s.finished_at is null and p_walked_to is null
    ),
    (
      select jsonb_build_object(
        'id', null, 'createdFrom', n.created_from, 'createdTo', n.created_to, 'cursor', null, 'reached', n.created_to
      )
      from (
        select least(min(s.created_from), p_walked_from) as swept_from, greatest(max(s.created_to), p_walked_to) as swept_to
        from public.job_sweeps s
        where s.livemode = p_livemode
      ) x
      cross join lateral jobs.next_slice(p_swept_from => x.swept_from, p_swept_to => x.swept_to, p_now => p_now) n
    )
  );
$$;

comment on function public.jobs_preview_slice(boolean, timestamptz, timestamptz, timestamptz) is 'Slices as a dry run walks them: nothing changes.';

-- Contract: moves a slice's cursor over one settled page, {"sweepId", "after", "cursor", "reached", "seen", "own", "finished"}. Answers
-- false when this page was settled before (a repeated call). Raises 40001 when the slice stands elsewhere.
create function jobs.advance_sweep(p_page jsonb, p_now timestamptz) returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_page record;
  v_sweep public.job_sweeps;
begin
  select * into strict v_page from jsonb_to_record(p_page) as p (
    "sweepId" bigint, after text, cursor text, reached timestamptz, seen integer, own integer, finished boolean
  );
  update public.job_sweeps s
  set cursor = v_page.cursor,
      reached = case when v_page.finished then s.created_from else v_page.reached end,
      pages = s.pages + 1,
      payments_seen = s.payments_seen + v_page.seen,
      own_payments_seen = s.own_payments_seen + v_page.own,
      worked = s.worked + (p_now - s.continued_at),
      continued_at = p_now,
      finished_at = case when v_page.finished then p_now end
  where s.id = v_page."sweepId" and s.finished_at is null and s.cursor is not distinct from v_page.after
  returning * into v_sweep;
  if not found then
    select * into strict v_sweep from public.job_sweeps s where s.id = v_page."sweepId";
    if v_sweep.cursor is not distinct from v_page.cursor and (v_sweep.finished_at is not null) = v_page.finished then
      return false;
    end if;
    raise exception 'Cannot move the sweep on from % as it stands elsewhere: current value is %', v_page.after, v_sweep.cursor
      using errcode = 'serialization_failure';
  end if;

  -- What is left: the rest of this slice, and what lies before and after everything swept so far.
  update public.job_sweeps s
  set payments_per_second = round((s.payments_seen / nullif(x.worked, 0))::numeric, 1),
      time_left = case
        when x.left_to_walk < interval '1 minute' then interval '0'
        else make_interval(secs => ceil(x.worked * extract(epoch from x.left_to_walk)
          / nullif(extract(epoch from s.created_to - s.reached), 0)::double precision))
      end
  from (
    select extract(epoch from v_sweep.worked)::double precision as worked,
      (v_sweep.reached - v_sweep.created_from)
        + greatest(date_trunc('second', p_now - g.stale_age) - max(a.created_to), interval '0')
        + greatest(min(a.created_from) - g.sweep_start, interval '0') as left_to_walk
    from public.job_sweeps a
    cross join jobs.settings g
    where a.livemode = v_sweep.livemode
    group by g.stale_age, g.sweep_start
  ) x
  where s.id = v_sweep.id;
  return true;
end;
$$;

comment on function jobs.advance_sweep(jsonb, timestamptz) is 'Moves a slice''s cursor over one settled page.';

revoke all on all functions in schema jobs from public;
revoke all on function
  public.jobs_next_slice(uuid, bigint, boolean, timestamptz),
  public.jobs_preview_slice(boolean, timestamptz, timestamptz, timestamptz)
from public, anon, authenticated;
grant execute on function
  public.jobs_next_slice(uuid, bigint, boolean, timestamptz),
  public.jobs_preview_slice(boolean, timestamptz, timestamptz, timestamptz)
to service_role;
