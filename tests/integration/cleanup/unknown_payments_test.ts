import assert from "node:assert/strict";
import { type Bench, withBench } from "./bench.ts";

const UNKNOWN = 250;

Deno.test("many payments that Stripe does not know hide none of those behind them, as its own list proves the key", async () => {
  await withBench(async (bench) => {
    await fill(bench, { unknown: UNKNOWN, unpaid: 5 });
    const report = await bench.run();
    assert.deepEqual([report.status, report.error], ["succeeded", null]);
    assert.deepEqual(await bench.outcomes(), {
      "canceled:ended_by_run": 5,
      "kept:payment_not_found": UNKNOWN,
    });
  });
});

Deno.test("where nothing but payments of a seller that left is due, the sweep goes on all the same", async () => {
  await withBench(async (bench) => {
    for (let n = 0; n < 11; n++) {
      await bench.attach(await bench.order("paid"), `pi_of_seller_${n}`, { account: "acct_gone" });
    }
    const paid = await bench.order("paid");
    await bench.attach(paid, bench.intent(paid, { status: "succeeded" }), { state: "paid" });
    bench.intent(await bench.order("expired"), { status: "succeeded" });
    const report = await bench.run();
    assert.deepEqual([report.status, report.error], ["succeeded", null]);
    assert.deepEqual(await bench.outcomes(), {
      "kept:account_access_lost": 11,
      "late_payment:order_expired": 1,
    });
  }, { connectedAccounts: [] });
});

for (const stranger of ["nothing", "payments of its own", "payments that name orders of no shop we know"]) {
  Deno.test(`with the key of another account that shows ${stranger}, nothing is decided and nothing swept`, async () => {
    await withBench(async (bench) => {
      await fill(bench, { unknown: UNKNOWN, unpaid: 0 });
      if (stranger !== "nothing") {
        const metadata: Record<string, string> = stranger === "payments of its own"
          ? {}
          : { order_id: crypto.randomUUID() };
        bench.intent("", { count: 20, metadata });
      }
      const report = await bench.run();
      assert.match(report.error!, /too_many_not_found/);
      // A batch, and a page of the list.
      assert.deepEqual([report.status, report.stripeCalls, await bench.outcomes()], ["failed", 101, {}]);
      const [row] = await bench.sql`select count(*)::int as n from public.job_sweeps`;
      assert.equal(row!.n, 0);
    });
  });
}

for (const unknown of [0, 10]) {
  Deno.test(`with the key of another shop none of its payments is ended or told, ${unknown} unknown ones beside it`, async () => {
    await withBench(async (bench) => {
      await fill(bench, { unknown, unpaid: 0 });
      for (let n = 0; n < 20; n++) bench.intent(crypto.randomUUID(), { status: n < 5 ? "succeeded" : undefined });
      const report = await bench.run();
      assert.deepEqual([report.status, report.error], ["failed", "Stripe stopped the run: account_unproven"]);
      const outcomes = await bench.outcomes();
      assert.deepEqual(outcomes, unknown === 0 ? {} : { "kept:payment_not_found": unknown });
      assert.equal(bench.stripe.countCalls({ endpoint: "payment_intents.cancel" }), 0);
    });
  });
}

Deno.test("one order of the shop among its newest payments is proof enough to end those whose orders are gone", async () => {
  await withBench(async (bench) => {
    // Newer than the others, and so young that the sweep itself does not come to it.
    bench.intent(await bench.order("pending"), { daysAgo: 1 });
    for (let n = 0; n < 20; n++) bench.intent(crypto.randomUUID());
    assert.equal((await bench.run()).status, "succeeded");
    assert.deepEqual(await bench.outcomes(), { "canceled:ended_by_run": 20 });
  });
});

Deno.test("a shop that records sessions only proves its key by the orders that their intents name", async () => {
  await withBench(async (bench) => {
    await fill(bench, { unknown: 120, unpaid: 0 });
    bench.intent(await bench.order("paid"), { status: "succeeded" });
    const report = await bench.run();
    assert.equal(report.status, "succeeded", report.error ?? "");
    assert.equal((await bench.outcomes())["kept:payment_not_found"], 120);
  });
});

Deno.test("a list that cannot be read proves nothing: the run has failed for that", async () => {
  await withBench(async (bench) => {
    await fill(bench, { unknown: 20, unpaid: 0 });
    bench.stripe.addFault({ kind: "error_500", endpoint: "payment_intents.list" });
    const report = await bench.run();
    assert.deepEqual([report.status, await bench.outcomes()], ["failed", {}]);
    assert.match(report.error!, /list could not be read/);
  });
});

Deno.test("up to ten unknown payments are no reason for doubt", async () => {
  await withBench(async (bench) => {
    await fill(bench, { unknown: 10, unpaid: 0 });
    assert.equal((await bench.run()).status, "succeeded");
    assert.deepEqual(await bench.outcomes(), { "kept:payment_not_found": 10 });
  });
});

/** Paid orders with an open payment each, in the order in which they are looked at: first those that Stripe does not know. */
async function fill(bench: Bench, { unknown, unpaid }: { unknown: number; unpaid: number }): Promise<void> {
  const rows = await bench.sql<{ id: string }[]>`
    insert into public.orders (status, currency, amount, expires_at, paid_at)
    select 'paid', 'eur', 2000, now(), now() from generate_series(1, ${unknown + unpaid}::int)
    returning id`;
  const ids = rows.map(({ id }) => id).sort();
  await bench.sql`
    insert into public.order_payments (order_id, kind, stripe_id, state)
    select id, 'payment_intent', 'pi_gone' || n, 'open' from unnest(${
    ids.slice(0, unknown)
  }::uuid[]) with ordinality x (id, n)`;
  for (const id of ids.slice(unknown)) await bench.attach(id, bench.intent(id));
}
