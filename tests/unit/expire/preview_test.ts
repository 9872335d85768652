import assert from "node:assert/strict";
import { refused } from "../stripe/fake-stripe.ts";
import { databaseOf, runJob, unpaidOrders } from "./shop.ts";

for (
  const [due, limit, decided, status] of [
    [1_000, Number.POSITIVE_INFINITY, 1_000, "succeeded"],
    [1_001, Number.POSITIVE_INFINITY, 1_000, "partial"],
    [1_500, 100_000, 1_000, "partial"],
    [1_500, 1_000, 1_000, "succeeded"],
    [30, 20, 20, "succeeded"],
  ] as const
) {
  Deno.test(`a dry run over ${due} due orders with a limit of ${limit} lists ${decided}: ${status}`, async () => {
    const { orders, stripe } = unpaidOrders(due);
    const { database } = databaseOf([{ orders }]);
    const { result } = await runJob({ database, gateway: stripe.gateway, dryRun: true, limit });
    assert.deepEqual([result.decisions?.length, result.status, result.workLeft], [decided, status, false]);
    assert.equal(stripe.writes().length, 0);
    if (status === "partial") assert.match(result.error!, /no more than 1000 orders, and more are due/);
  });
}

Deno.test("an order that cannot be read has its place in the list", async () => {
  const { orders, stripe } = unpaidOrders(1_000);
  const unreadable = [{ id: "11111111-1111-1111-1111-111111111111", attempt: 0, issue: "currency: too long" }];
  const { database } = databaseOf([{ orders, unreadable }]);
  database.previewOrders = () => Promise.resolve({ orders, unreadable });
  const { result } = await runJob({ database, gateway: stripe.gateway, dryRun: true });
  assert.deepEqual([result.decisions?.length, result.status], [1_000, "partial"]);
});

Deno.test("with a wrong key a dry run ends after its first batch", async () => {
  const { orders, stripe } = unpaidOrders(500);
  for (const { payments } of orders) {
    stripe.answer("readIntent", payments[0]!.stripeId, refused(404, { errorCode: "resource_missing" }));
  }
  const { database } = databaseOf([{ orders }]);
  const { result } = await runJob({ database, gateway: stripe.gateway, dryRun: true });
  assert.deepEqual([result.status, result.decisions, stripe.calls.length], ["failed", [], 100]);
});
