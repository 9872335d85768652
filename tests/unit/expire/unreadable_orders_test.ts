import assert from "node:assert/strict";
import { z } from "zod/mini";
import { claimedOrders } from "../../../functions/_shared/database/claimed-orders.ts";
import { databaseOf, runJob, unpaidOrders } from "./shop.ts";

const ID = "a3bb189e-8bf9-0888-9912-ace4e6543002";
const row = (change: Record<string, unknown> = {}) => ({
  id: ID,
  attempt: 1,
  failures: 0,
  amount: 2000,
  currency: "eur",
  expiresAt: "2026-11-22T09:00:00.123456+00:00",
  payments: [],
  ...change,
});
const paymentRow = (change: Record<string, unknown> = {}) => ({
  id: ID,
  kind: "payment_intent",
  stripeId: "pi_1",
  stripeAccount: null,
  state: "open",
  graceUntil: null,
  createdAt: "2026-11-22T09:00:00+00:00",
  ...change,
});

for (
  const id of [
    "11111111-1111-1111-1111-111111111111",
    "00000000-0000-0000-0000-000000000001",
    "00000000-0000-0000-0000-000000000000",
    ID,
  ]
) {
  Deno.test(`an order with the id ${id}, which no RFC allows and PostgreSQL does, is read`, () => {
    const { orders, unreadable } = z.parse(claimedOrders, [row({ id, payments: [paymentRow({ id })] })]);
    assert.deepEqual([orders.map((order) => order.id), orders[0]?.payments[0]?.id, unreadable], [[id], id, []]);
  });
}

for (
  const [what, change, issue] of [
    ["currency", { currency: "euro" }, /^currency: /],
    ["amount", { amount: -1 }, /^amount: /],
    ["payment's kind", { payments: [paymentRow({ kind: "charge" })] }, /^payments\.0\.kind: /],
    ["payment's time", { payments: [paymentRow({ createdAt: "infinity" })] }, /^payments\.0\.createdAt: /],
    ["payments", { payments: null }, /^payments: /],
  ] as const
) {
  Deno.test(`an order whose ${what} cannot be read does not hide the others`, () => {
    const { orders, unreadable } = z.parse(claimedOrders, [row(), row({ attempt: 7, ...change }), row()]);
    assert.equal(orders.length, 2);
    assert.deepEqual(unreadable.map(({ id, attempt }) => [id, attempt]), [[ID, 7]]);
    assert.match(unreadable[0]!.issue, issue);
  });
}

for (const change of [{ id: "order 7" }, { attempt: null }]) {
  Deno.test(`an order without a readable ${Object.keys(change)[0]} could not be settled: the answer is refused`, () => {
    const parsed = z.safeParse(claimedOrders, [row(), row(change)]);
    assert.equal(parsed.success, false);
    assert.deepEqual(parsed.error!.issues[0]!.path, [1]);
  });
}

for (const dryRun of [false, true]) {
  Deno.test(`an order that cannot be read is a failed attempt, and the others are decided${dryRun ? ", dry" : ""}`, async () => {
    const { orders, stripe } = unpaidOrders(2);
    const unreadable = [{ id: ID, attempt: 4, issue: "currency: too long" }];
    const { database, settled } = databaseOf([{ orders, unreadable }]);
    const { result, lines } = await runJob({ database, gateway: stripe.gateway, dryRun });
    const decisions = dryRun ? result.decisions! : settled;
    const decided = decisions.map(({ outcome, reason }) => `${outcome} ${reason}`).sort();
    const expired = dryRun ? "expired would_expire" : "expired all_dead";
    assert.deepEqual(decided, [expired, expired, "retry order_unreadable"]);
    assert.deepEqual(lines.filter(([event]) => event === "order_unreadable"), [
      ["order_unreadable", { order_id: ID, issue: "currency: too long" }],
    ]);
    if (!dryRun) assert.equal(result.status, "partial");
  });
}
