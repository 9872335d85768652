-- Units add up beyond what an integer holds: 750 orders of three pallets of screws each do, and so does one order of two such articles. The
-- sum was refused, and with it the whole batch, tick after tick. What adds units up is a bigint now; a quantity of one article of one
-- order stays an integer, and so do the shelves, which bound every sum by article.
--
-- Both tables are rewritten, which locks them for some seconds per million rows; runs and dashboards wait that long.

alter table public.job_runs alter column stock_released type bigint;
alter table public.job_decisions alter column units_released type bigint;
alter type jobs.decision alter attribute units_released type bigint;

drop function jobs.held_units(uuid[]);

-- Contract: the units that these orders hold.
create function jobs.held_units(p_order_ids uuid[]) returns table (order_id uuid, units bigint)
language sql stable
set search_path = ''
as $$
  select r.order_id, sum(r.quantity)
  from public.stock_reservations r
  where r.order_id = any (p_order_ids) and r.state = 'held'
  group by r.order_id;
$$;

comment on function jobs.held_units(uuid[]) is 'Units that orders hold.';

revoke all on all functions in schema jobs from public;
