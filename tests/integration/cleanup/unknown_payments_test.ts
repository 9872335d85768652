import assert from "node:assert/strict";
import { type Bench, withBench } from "./bench.ts";

const UNKNOWN = 250;

Deno.test("a payment behind two hundred and fifty unknown ones proves the key, and all are decided in the same run", async () => {
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

for (const [unknown, lookedAt] of [[11, 11], [700, 500]] as const) {
  Deno.test(`with a wrong key and ${unknown} payments the run looks at ${lookedAt}, decides nothing and sweeps nothing`, async () => {
    await withBench(async (bench) => {
      await fill(bench, { unknown, unpaid: 0 });
      const report = await bench.run();
      assert.match(report.error!, /too_many_not_found/);
      assert.deepEqual([report.status, report.stripeCalls, await bench.outcomes()], ["failed", lookedAt, {}]);
      const [row] = await bench.sql`select count(*)::int as n from public.job_sweeps`;
      assert.equal(row!.n, 0);
    });
  });
}

Deno.test("the next run begins with those that were not looked at, so that no account that is gone hides the others for ever", async () => {
  await withBench(async (bench) => {
    await fill(bench, { unknown: 550, unpaid: 5 });
    assert.equal((await bench.run()).status, "failed");
    bench.advanceDays(7);
    const report = await bench.run();
    assert.equal(report.status, "succeeded", report.error ?? "");
    assert.deepEqual(await bench.outcomes(), {
      "canceled:ended_by_run": 5,
      "kept:payment_not_found": 550,
    });
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
