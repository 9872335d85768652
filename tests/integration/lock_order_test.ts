import type postgres from "postgres";
import { withShop } from "./support.ts";
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

async function lockStock(sql: postgres.Sql, sku: string): Promise<void> {
  await sql`set local lock_timeout = '2s'`;
  await sql`select from public.inventory where sku = ${sku} for update`;
}
