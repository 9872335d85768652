import assert from "node:assert/strict";
import { at, databaseOf, NOT_FOUND, NOW, order, runJob, stripeOf, unpaidOrders } from "./shop.ts";

for (
  const [due, limit, decided, status] of [
    [1_000, Number.POSITIVE_INFINITY, 1_000, "succeeded"],
    [1_001, Number.POSITIVE_INFINITY, 1_000, "partial"],
    [1_500, 1_000, 1_000, "succeeded"],
    [30, 20, 20, "succeeded"],
  ] as const
) {
  Deno.test(`a dry run over ${due} due orders with a limit of ${limit} lists ${decided}: ${status}`, async () => {
    const { database, calls } = databaseOf([{ orders: unpaidOrders(due) }]);
    const stripe = stripeOf();
    const { result } = await runJob({ database, gateway: stripe.gateway, dryRun: true, limit });
    assert.deepEqual([result.preview?.decisions.length, result.status, result.workLeft], [decided, status, false]);
    assert.deepEqual([stripe.writes(), calls], [[], ["previewOrders", "previewUnits"]]);
    if (status === "partial") assert.match(result.error!, /no more than 1000 orders, and more are due/);
  });
}

Deno.test("a dry run summarises what it would do by reason: money, units, methods, age, the oldest and the largest", async () => {
  const orders = [
    order("o0", { deadline: at(-3_000) }),
    order("o1", { deadline: at(-30 * 3_600_000), amount: 700, method: null }),
    order("o2", { amount: 900, currency: "usd", deadline: at(-2 * 3_600_000) }),
    order("free", { payments: [], deadline: at(-1_000) }),
  ];
  const { database } = databaseOf([{ orders }]);
  const { result } = await runJob({ database, dryRun: true });
  assert.deepEqual(result.preview!.summary.map(({ reason: _, ...group }) => group), [
    {
      outcome: "expired",
      orders: 3,
      amounts: { eur: 5_700, usd: 900 },
      units: 6,
      methods: { card: 2, unknown: 1 },
      ages: { underAnHour: 1, underADay: 1, older: 1 },
      oldestDeadline: at(-30 * 3_600_000),
      oldestRef: "o1",
      largest: { ref: "o0", amount: 5_000, currency: "eur" },
    },
    {
      outcome: "expired",
      orders: 1,
      amounts: { eur: 5_000 },
      units: 2,
      methods: { card: 1 },
      ages: { underAnHour: 1, underADay: 0, older: 0 },
      oldestDeadline: at(-1_000),
      oldestRef: "free",
      largest: { ref: "free", amount: 5_000, currency: "eur" },
    },
  ]);
});

Deno.test("with a wrong key a dry run ends after its first batch", async () => {
  const { database } = databaseOf([{ orders: unpaidOrders(500) }]);
  const stripe = stripeOf(Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`pi_o${n}`, NOT_FOUND])));
  const { result } = await runJob({ database, gateway: stripe.gateway, dryRun: true });
  assert.deepEqual([result.status, result.preview!.decisions, stripe.calls.length], ["failed", [], 100]);
});

Deno.test("a dry run that is out of time says that it is incomplete", async () => {
  const { database, asked } = databaseOf([{ orders: unpaidOrders(30) }]);
  const { result } = await runJob({ database, dryRun: true, now: () => asked.length === 0 ? NOW : at(50_000) });
  assert.deepEqual([result.status, result.error, result.workLeft], [
    "partial",
    "Time ran out before all due orders were inspected",
    false,
  ]);
});
