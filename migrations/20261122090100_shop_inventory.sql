-- What the shop has on its shelves.
--
-- Contract: for every SKU 0 <= reserved <= on_hand, and reserved equals the sum of the held reservations. Only place_order,
-- mark_order_paid and the jobs change `reserved`; the shop itself changes `on_hand` when goods arrive or are counted.

create table public.inventory (
  sku text primary key check (sku <> ''),
  on_hand integer not null check (on_hand >= 0),
  reserved integer not null default 0,
  updated_at timestamptz not null default now(),
  constraint reserved_within_on_hand check (reserved >= 0 and reserved <= on_hand)
);

comment on table public.inventory is 'Stock by SKU, in units. Sellable now: on_hand - reserved.';
comment on column public.inventory.sku is 'Stock keeping unit: the shop''s own name for the article.';
comment on column public.inventory.on_hand is 'Units in the warehouse, whether reserved or not.';
comment on column public.inventory.reserved is 'Units that open orders hold: the sum of all held reservations of the SKU.';
comment on column public.inventory.updated_at is 'When on_hand or reserved last changed.';

-- The shop may set on_hand and nothing else, so the time moves by itself; Lapse's own functions bring theirs. The condition is in the WHEN
-- clause, so that a reservation costs no function call.
create function jobs.note_counted_stock() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end;
$$;

comment on function jobs.note_counted_stock() is 'Notes when the shop set on_hand.';
revoke all on function jobs.note_counted_stock() from public;

create trigger note_counted_stock before update of on_hand on public.inventory
  for each row when (new.on_hand <> old.on_hand and new.updated_at = old.updated_at)
  execute function jobs.note_counted_stock();

alter table public.inventory enable row level security;
revoke all on table public.inventory from public, anon, authenticated, service_role;
grant select on table public.inventory to authenticated;
-- The shop's backend stocks the shelves; `reserved` is out of its reach, so it cannot unbalance the reservations.
grant select, insert (sku, on_hand), update (on_hand) on table public.inventory to service_role;

create policy "operators and viewers read inventory" on public.inventory
  for select to authenticated
  using (((select auth.jwt()) -> 'app_metadata' ->> 'jobs_role') in ('operator', 'viewer'));
