import type postgres from "postgres";
import { type Shop, withShop } from "./support.ts";
import { takeTurns } from "./take-turns.ts";

Deno.test("an order that waits for one article does not hold the next one", async () => {
  await withShop({}, async (shop) => {
    const orderId = await shop.placeOrder({ items: [{ sku: "tea", quantity: 1 }, { sku: "mug", quantity: 1 }] });
    const stripeId = await shop.addIntent(orderId);
    await takeTurns(shop, {
      first: (sql) => lockStock(sql, "mug"),
      second: (sql) => sql`select public.mark_order_paid(${orderId}, ${stripeId})`,
      then: (sql) => lockStock(sql, "tea"),
    });
  });
});

Deno.test("the clean-up that waits for one order holds none of the next ones, in whatever order its payments come", async () => {
  await withShop({}, async (shop) => {
    const [low, high] = [await shop.placeOrder(), await shop.placeOrder()].sort() as [string, string];
    const settle = await settlementOf(shop, [["pi_1", high], ["pi_2", low]]);
    await takeTurns(shop, {
      first: (sql) => lockOrder(sql, low),
      second: settle,
      then: (sql) => lockOrder(sql, high),
    });
  });
});

Deno.test("the clean-up that waits for one article holds none of the next ones, of whichever order", async () => {
  await withShop({}, async (shop) => {
    const [tea, mug] = [
      await shop.placeOrder({ items: [{ sku: "tea", quantity: 1 }] }),
      await shop.placeOrder({ items: [{ sku: "mug", quantity: 1 }] }),
    ];
    const settle = await settlementOf(shop, [["pi_1", tea], ["pi_2", mug]]);
    await takeTurns(shop, {
      first: (sql) => lockStock(sql, "mug"),
      second: settle,
      then: (sql) => lockStock(sql, "tea"),
    });
  });
});

/** The settlement of payments that the clean-up found paid, of orders that are open. */
async function settlementOf(shop: Shop, payments: [stripeId: string, orderId: string][]) {
  for (const [id, orderId] of payments) await shop.addIntent(orderId, { id, status: "succeeded" });
  const runId = crypto.randomUUID();
  const [begun] = await shop.sql<{ fence: string }[]>`
    select public.jobs_begin_run(${runId}, 'cleanup-stale-payment-intents', 'server') #>> '{run,fence}' as fence`;
  const decisions = payments.map(([stripeId, orderId]) => ({
    kind: "payment_intent",
    stripeId,
    orderId,
    outcome: "paid",
    reason: "paid",
    evidence: {},
  }));
  return async (sql: postgres.Sql) => {
    await sql`select public.jobs_settle_payments(${runId}, ${begun!.fence}, false, ${sql.json(decisions)})`;
    await sql`select public.jobs_finish_run(${runId}, 'succeeded')`;
  };
}

async function lockOrder(sql: postgres.Sql, id: string): Promise<void> {
  await sql`set local lock_timeout = '2s'`;
  await sql`select from public.orders where id = ${id} for update`;
}

async function lockStock(sql: postgres.Sql, sku: string): Promise<void> {
  await sql`set local lock_timeout = '2s'`;
  await sql`select from public.inventory where sku = ${sku} for update`;
}
