import assert from "node:assert/strict";
import * as z from "zod/mini";
import { claimedOrders } from "../../../functions/_shared/database/orders.ts";

const row = (change: Record<string, unknown> = {}) => ({
  ref: "A-1001",
  status: "open",
  attempt: 1,
  amount: 2000,
  currency: "eur",
  account: "",
  method: "card",
  placedAt: "2026-11-22T08:30:00+00:00",
  deadline: "2026-11-22T09:00:00.123456+00:00",
  graceUntil: null,
  shopState: null,
  payments: [],
  ...change,
});
const payment = (change: Record<string, unknown> = {}) => ({
  stripeId: "pi_1",
  kind: "payment_intent",
  account: "",
  state: "open",
  source: "server",
  reason: null,
  receivedAmount: null,
  intent: null,
  attachedAt: "2026-11-22T09:00:00+00:00",
  ...change,
});

for (const ref of ["A-1001", "41", "11111111-1111-1111-1111-111111111111", "Größe 7/ä"]) {
  Deno.test(`an order whose ref is ${ref} is read, whatever type the shop's key has`, () => {
    const { orders, unreadable } = z.parse(claimedOrders, [row({ ref, payments: [payment()] })]);
    assert.deepEqual([orders[0]?.ref, orders[0]?.payments.length, unreadable], [ref, 1, []]);
    assert.deepEqual(orders[0]?.deadline, new Date("2026-11-22T09:00:00.123Z"));
  });
}

Deno.test("an order without a known amount and an order unknown to the ledger are read", () => {
  const unknown = row({ status: "unknown", shopState: "gone", amount: null, currency: null, method: null });
  const { orders, unreadable } = z.parse(claimedOrders, [row({ amount: null }), unknown, row({ newColumn: 1 })]);
  assert.deepEqual([orders.map(({ status }) => status), unreadable], [["open", "unknown", "open"], []]);
});

for (
  const [what, change, issue] of [
    ["currency", { currency: "euro" }, /^currency: /],
    ["amount", { amount: -1 }, /^amount: /],
    ["status", { status: "shipped" }, /^status: /],
    ["payment's kind", { payments: [payment({ kind: "charge" })] }, /^payments\.0\.kind: /],
    ["payment's time", { payments: [payment({ attachedAt: "infinity" })] }, /^payments\.0\.attachedAt: /],
    ["payments", { payments: null }, /^payments: /],
  ] as const
) {
  Deno.test(`an order whose ${what} cannot be read does not hide the others`, () => {
    const { orders, unreadable } = z.parse(claimedOrders, [row(), row({ attempt: 7, ...change }), row()]);
    assert.equal(orders.length, 2);
    assert.deepEqual(unreadable.map(({ ref, attempt }) => [ref, attempt]), [["A-1001", 7]]);
    assert.match(unreadable[0]!.issue, issue);
  });
}

for (const change of [{ ref: null }, { attempt: null }]) {
  Deno.test(`an order without a readable ${Object.keys(change)[0]} could not be settled: the answer is refused`, () => {
    const parsed = z.safeParse(claimedOrders, [row(), row(change)]);
    assert.equal(parsed.success, false);
    assert.deepEqual(parsed.error!.issues[0]!.path, [1]);
  });
}
