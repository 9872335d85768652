/** Stock of the sample shop (promise 2): what orders hold, what was released and what was sold. */
import type { DatabaseInput } from "./oracle.ts";

export async function unbalancedStock({ sql }: DatabaseInput): Promise<string[]> {
  const rows = await sql<{ sku: string; on_hand: number; reserved: number; held: number }[]>`
    select i.sku, i.on_hand, i.reserved, coalesce(sum(r.quantity) filter (where r.state = 'held'), 0)::int as held
    from public.inventory i
    left join public.stock_reservations r using (sku)
    group by i.sku, i.on_hand, i.reserved
    having i.reserved < 0 or i.reserved > i.on_hand
      or i.reserved <> coalesce(sum(r.quantity) filter (where r.state = 'held'), 0)`;
  return rows.map(({ sku, on_hand, reserved, held }) =>
    `2: ${sku} has ${on_hand} on hand, ${reserved} reserved, and orders hold ${held}`
  );
}

export async function reservationsAgainstStatus({ sql }: DatabaseInput): Promise<string[]> {
  const rows = await sql<{ id: string; status: string; state: string }[]>`
    select o.id, o.status, r.state
    from public.orders o
    join public.stock_reservations r on r.order_id = o.id
    where r.state is distinct from case o.status when 'expired' then 'released' when 'paid' then 'consumed' else 'held' end`;
  return rows.map(({ id, status, state }) => `2: order ${id} is ${status} and has a reservation that is ${state}`);
}

/** Units leave the shelves in one way only: sold. `onHand`: units on the shelves before the first order, by SKU. */
export async function lostUnits(
  { sql, onHand }: DatabaseInput & { onHand: Record<string, number> },
): Promise<string[]> {
  const rows = await sql<{ sku: string; on_hand: number; sold: number }[]>`
    select i.sku, i.on_hand, coalesce(sum(r.quantity) filter (where r.state = 'consumed'), 0)::int as sold
    from public.inventory i left join public.stock_reservations r using (sku) group by i.sku, i.on_hand`;
  return rows.filter(({ sku, on_hand, sold }) => on_hand + sold !== onHand[sku])
    .map(({ sku, on_hand, sold }) => `2: of ${onHand[sku]} units of ${sku}, ${sold} are sold and ${on_hand} are left`);
}

/** Decisions record every released unit once, and nothing for orders that the shop closed itself. */
export async function unexplainedReleases({ sql }: DatabaseInput): Promise<string[]> {
  const rows = await sql<{ ref: string; told: number; released: number; status: string; reason: string }[]>`
    with told as (select ref, sum(units_released)::int as told from lapse.decisions group by 1),
    released as (
      select order_id::text as ref, sum(quantity)::int as released from public.stock_reservations where state = 'released' group by 1
    )
    select ref, coalesce(told, 0) as told, coalesce(released, 0) as released, l.status, l.reason
    from told t full join released r using (ref)
    left join lapse.orders l using (ref)
    where coalesce(told, 0) <> coalesce(released, 0)
      and not (l.reason = 'revived' and coalesce(released, 0) = 0)
      and not (coalesce(told, 0) = 0 and coalesce(l.reason, 'closed_by_shop') in ('closed_by_shop', 'late_payment'))`;
  return rows.map(({ ref, told, released, status, reason }) =>
    `2: order ${ref} (${status}: ${reason}) released ${released} units and decisions tell of ${told}`
  );
}
