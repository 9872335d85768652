import type postgres from "postgres";
import type { StripeControl } from "../stripe-simulator/control.ts";
import type { DemoPayment, OrderKind } from "./kinds.ts";

export type DemoOrder = { id: string; kind: OrderKind; units: number };
export type DemoShop = { orders: DemoOrder[]; skus: string[] };

const SKUS = ["coffee", "cup", "filter", "grinder", "kettle", "scale", "spoon", "whisk"];

/** The demo's shop. `sql` is its own connection, with the rights of the shop's backend. */
export async function openShop(
  sql: postgres.Sql,
  stripe: StripeControl,
  kinds: OrderKind[],
  { livemode = false }: { livemode?: boolean } = {},
): Promise<DemoShop> {
  await sql`insert into public.inventory ${sql(SKUS.map((sku) => ({ sku, on_hand: 500 })), "sku", "on_hand")}`;
  const orders: DemoOrder[] = [];
  for (const kind of kinds) {
    for (let n = 0; n < kind.orders; n++) {
      const order = await placeOrder(sql, kind, n);
      orders.push(order);
      for (const payment of kind.payments(Math.floor(Date.now() / 1_000))) {
        await sql`select public.lapse_attach_payment(${order.id}, ${
          createAtStripe(stripe, order, { ...payment, livemode })
        })`;
      }
      if (kind.graceUsed) {
        await sql`update lapse.orders set grace_until = now() - interval '1 minute', looks = 1 where ref = ${order.id}`;
      }
    }
  }
  return { orders, skus: SKUS };
}

/** The checkout. Lapse's trigger on the shop's orders records each in the ledger. */
async function placeOrder(sql: postgres.Sql, kind: OrderKind, n: number): Promise<DemoOrder> {
  const items = [
    { sku: SKUS[n % SKUS.length]!, quantity: 1 + n % 3 },
    { sku: SKUS[(n + 3) % SKUS.length]!, quantity: 1 },
  ];
  const placedAt = new Date(Date.now() - kind.placedAgo * 1_000);
  const [row] = await sql<{ id: string }[]>`
    select id from public.place_order(
      p_currency => 'eur', p_amount => 2000, p_items => ${sql.json(items)},
      p_payment_method => ${kind.paymentMethod}, p_now => ${placedAt}
    )`;
  return { id: row!.id, kind, units: items.reduce((sum, { quantity }) => sum + quantity, 0) };
}

function createAtStripe(
  stripe: StripeControl,
  { id, kind }: DemoOrder,
  payment: DemoPayment & { livemode: boolean },
): string {
  const created = Math.floor(Date.now() / 1_000) - kind.placedAgo;
  const common = { created, amount: 2000, currency: "eur", metadata: { order_id: id }, livemode: payment.livemode };
  return payment.kind === "payment_intent"
    ? stripe.createPaymentIntents([{ ...common, ...payment.spec }])[0]!
    : stripe.createCheckoutSessions([{ ...common, ...payment.spec }])[0]!.id;
}

export type StockRow = { sku: string; onHand: number; reserved: number; sellable: number };

/** The stock by SKU. */
export function readStock(sql: postgres.Sql): Promise<StockRow[]> {
  return sql<StockRow[]>`
    select sku, on_hand as "onHand", reserved, on_hand - reserved as sellable from public.inventory order by sku`;
}

export type Fate = { id: string; status: string; reason: string | null; unitsHeld: number };

/** The result of every order: the shop's status, and the ledger's reason. */
export function readFates(sql: postgres.Sql): Promise<Fate[]> {
  return sql<Fate[]>`
    select o.id, o.status, l.reason, coalesce(sum(r.quantity) filter (where r.state = 'held'), 0)::int as "unitsHeld"
    from public.orders o
    join public.stock_reservations r on r.order_id = o.id
    left join lapse.orders l on l.ref = o.id::text
    group by o.id, l.ref`;
}
