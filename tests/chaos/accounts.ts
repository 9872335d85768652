import type postgres from "postgres";
import type { StripeControl } from "../../local/stripe-simulator/control.ts";
import { finalStatuses } from "../faults/support/model.ts";
import { ON_HAND, type Order } from "./shop.ts";

export type Accounts = { broken: string[]; said: string };

/**
 * Every unit and every cent, by what the shop remembers and by what Stripe's record of money says; the tables of the product are not asked.
 * Where an order must have ended follows from what Stripe answered to its customer.
 */
export async function settleAccounts(
  { sql, stripe, orders }: { sql: postgres.Sql; stripe: StripeControl; orders: Order[] },
): Promise<Accounts> {
  const rows = await sql<{ id: string; status: string }[]>`select id, status from public.orders`;
  const statusOf = new Map(rows.map(({ id, status }) => [id, status]));
  const money = new Map(stripe.ordersMoney().map((it) => [it.orderId, it]));
  const broken: string[] = [];
  const sum = { charged: 0, returned: 0, kept: 0, sold: 0 };
  const sold: Record<string, number> = {};
  for (const order of orders) {
    const status = statusOf.get(order.id) ?? "gone";
    const { chargedAmount, refundedAmount } = money.get(order.id) ?? { chargedAmount: 0, refundedAmount: 0 };
    const byHand = order.payments.filter((it) => it.byHand).length * order.amount;
    const kept = chargedAmount - refundedAmount;
    sum.charged += chargedAmount;
    sum.returned += refundedAmount;
    sum.kept += kept;
    const where = `order ${order.id} (${order.journey}) is ${status}`;
    if (!mayBe(order).includes(status)) broken.push(`1: ${where}, and must be ${mayBe(order).join(" or ")}`);
    if (status === "paid") {
      for (const { sku, quantity } of order.items) sold[sku] = (sold[sku] ?? 0) + quantity;
      if (order.closed !== "cash") sum.sold += order.amount - byHand;
    }
    const due = status === "paid" && order.closed !== "cash" ? order.amount - byHand : 0;
    if (kept !== due) broken.push(`1: ${where} and the shop has ${kept} cents of it instead of ${due}`);
  }
  if (sum.kept !== sum.sold) broken.push(`1: the shop has ${sum.kept} cents and sold for ${sum.sold}`);
  const shelves = await sql<
    { sku: string; on_hand: number; reserved: number }[]
  >`select sku, on_hand, reserved from public.inventory`;
  for (const { sku, on_hand, reserved } of shelves) {
    const left = ON_HAND[sku]! - (sold[sku] ?? 0);
    if (on_hand !== left || reserved !== 0) {
      broken.push(`2: ${on_hand} of ${sku} are left and ${reserved} reserved; ${left} must be left and none reserved`);
    }
  }
  for (const { id, status } of stripe.paymentIntents()) {
    if (status !== "succeeded" && status !== "canceled") broken.push(`1: ${id} is ${status}: it can still be paid`);
  }
  return { broken, said: `${JSON.stringify(sum)} cents, units sold ${JSON.stringify(sold)}` };
}

function mayBe(order: Order): string[] {
  if (order.closed) return [order.closed === "cash" ? "paid" : "expired"];
  const paid = order.payments.filter(({ fate }) => fate === "paid");
  // Given back before it was settled, nothing was paid.
  if (paid.length > 0 && paid.every(({ byHand }) => byHand)) return ["paid", "expired"];
  return finalStatuses(order);
}
