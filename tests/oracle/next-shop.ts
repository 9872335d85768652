/** The promises of docs/design.md as the second shop keeps them: its stock is a counter that the checkout takes from. */
import assert from "node:assert/strict";
import type postgres from "postgres";
import type { StripeControl } from "../../local/stripe-simulator/control.ts";
import { cancelledUnderWay, deadAndAlive, moneyThatWasCancelled, refundedTwice } from "./at-stripe.ts";
import { countersAgainstDecisions } from "./counters.ts";
import { named } from "./promises.ts";

/** `units`: on the shelves of each variant before the first order. */
export type NextShopInput = { sql: postgres.Sql; stripe: StripeControl; units: number };

/** Fails with a description of every broken promise. */
export async function assertPromisesOfNextShop(input: NextShopInput): Promise<void> {
  const broken = (await Promise.all([
    lostUnits(input),
    unexplainedReleases(input),
    cancelledAndPaid(input),
    cancelledWithoutEvidence(input),
    closedForTheLedgerAlone(input),
    countersAgainstDecisions(input),
    deadAndAlive(input),
    moneyThatWasCancelled(input),
    cancelledUnderWay(input),
    refundedTwice(input),
  ])).flat();
  assert.deepEqual(broken, [], named(broken));
}

/** What is on the shelf and what orders that are not cancelled hold or bought is what there was. */
async function lostUnits({ sql, units }: NextShopInput): Promise<string[]> {
  const rows = await sql<{ title: string; stock: number; taken: number }[]>`
    select v.title, v.stock_quantity as stock, coalesce(sum(i.quantity) filter (where o.state <> 'cancelled'), 0)::int as taken
    from public.variants v
    left join public.order_items i on i.variant_id = v.id
    left join public.orders o on o.id = i.order_id
    group by v.id`;
  return rows.filter(({ stock, taken }) => stock + taken !== units)
    .map(({ title, stock, taken }) => `2: of ${units} units of ${title}, ${stock} are left and orders have ${taken}`);
}

/** Each unit that Lapse says it released belongs to an order that it cancelled, once. */
async function unexplainedReleases({ sql }: NextShopInput): Promise<string[]> {
  const rows = await sql<{ ref: string; told: number; held: number; state: string | null }[]>`
    select d.ref, d.told, coalesce(i.held, 0)::int as held, o.state::text
    from (select ref, sum(units_released)::int as told from lapse.decisions where units_released > 0 group by ref) d
    left join public.orders o on o.id = d.ref
    left join lateral (select sum(quantity) as held from public.order_items i where i.order_id = d.ref) i on true
    where (d.told <> coalesce(i.held, 0) or o.state is distinct from 'cancelled')
      -- its stock was taken again
      and not exists (select from lapse.orders l where l.ref = d.ref and l.reason = 'revived')`;
  return rows.map(({ ref, told, held, state }) =>
    `2: decisions tell of ${told} units of order ${ref}, which is ${state} and had ${held}`
  );
}

async function cancelledAndPaid({ sql, stripe }: NextShopInput): Promise<string[]> {
  const charged = stripe.ordersMoney().filter((it) => it.charged).map(({ orderId }) => orderId);
  const rows = await sql<{ id: string }[]>`
    select o.id from public.orders o
    where o.state = 'cancelled' and o.id = any (${charged})
      and (select count(*) from lapse.alerts a where a.key = 'late_payment:' || o.id) <> 1
      and not exists (select from lapse.refunds r where r.ref = o.id)`;
  return rows.map(({ id }) => `1: order ${id} is cancelled and paid at Stripe, and no alert tells`);
}

async function cancelledWithoutEvidence({ sql }: NextShopInput): Promise<string[]> {
  const rows = await sql<{ ref: string; stripe_id: string; state: string }[]>`
    select o.ref, p.stripe_id, p.state
    from lapse.orders o
    join lapse.payments p using (ref)
    where o.status = 'expired' and (p.state <> 'dead' or p.evidence is null)
      and not (p.state = 'open' and p.attached_at >= o.closed_at)
      and not (p.state = 'paid' and (
        exists (select from lapse.alerts a where a.key = 'late_payment:' || o.ref)
        or exists (select from lapse.refunds r where r.stripe_id = p.stripe_id)
      ))`;
  return rows.map(({ ref, stripe_id, state }) => `3: order ${ref} is expired and its payment ${stripe_id} is ${state}`);
}

async function closedForTheLedgerAlone({ sql }: NextShopInput): Promise<string[]> {
  const rows = await sql<{ ref: string; status: string }[]>`
    select l.ref, l.status from lapse.orders l join public.orders o on o.id = l.ref
    where l.status in ('expired', 'paid') and o.state = 'awaiting_payment'`;
  return rows.map(({ ref, status }) => `9: order ${ref} is ${status} in the ledger and open in the shop`);
}
