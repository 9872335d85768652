import assert from "node:assert/strict";
import { populate } from "./account.ts";
import { withBench } from "./bench.ts";

Deno.test("a dry run lists exactly what the real run then does, and changes nothing", async () => {
  await withBench(async (bench) => {
    await populate(bench, { payments: 500, oldest: 80, youngest: 8, findEvery: 25 });
    await bench.sql`update jobs.settings set sweep_start = ${new Date(bench.now().getTime() - 90 * 86_400_000)}`;
    const paid = await bench.order("paid");
    for (const status of ["requires_payment_method", "processing"]) {
      await bench.attach(paid, bench.intent(paid, { status }));
    }

    const dry = await bench.run({ dryRun: true });
    assert.equal(dry.status, "succeeded");
    assert.deepEqual(bench.stripe.calls().filter(({ method }) => method === "POST"), []);
    const [rows] = await bench.sql`
      select (select count(*)::int from public.job_decisions) as decisions, (select count(*)::int from public.job_sweeps) as sweeps,
        (select count(*)::int from jobs.revisits) as revisits, (select count(*)::int from public.job_alerts) as alerts,
        (select count(*)::int from public.orders where status = 'pending' and paid_at is not null) as paid`;
    assert.deepEqual({ ...rows }, { decisions: 0, sweeps: 0, revisits: 0, alerts: 0, paid: 0 });

    await bench.runToTheEnd();
    const done = await bench.sql<{ stripe_id: string; outcome: string; reason: string }[]>`
      select stripe_id, outcome, reason from public.job_decisions where subject <> 'order'`;
    assert.deepEqual(
      dry.decisions!.map(({ stripeId, outcome, reason }) =>
        `${stripeId} ${FORESEEN[`${outcome} ${reason}`] ?? `${outcome} ${reason}`}`
      )
        .sort(),
      done.map(({ stripe_id, outcome, reason }) => `${stripe_id} ${outcome} ${reason}`).sort(),
    );
  });
});

/** What a dry run says, in the words of the real one. */
const FORESEEN: Record<string, string> = {
  "kept would_cancel": "canceled ended_by_run",
  "paid paid": "found_paid paid",
};

Deno.test("with a limit, a dry run and a real run stop at the same payment", async () => {
  await withBench(async (bench) => {
    await populate(bench, { payments: 300, oldest: 25, youngest: 8 });
    const dry = await bench.run({ dryRun: true, limit: 7 });
    const would = dry.decisions!.filter(({ reason }) => reason === "would_cancel").map(({ stripeId }) => stripeId);
    assert.equal(would.length, 7);
    const real = await bench.run({ limit: 7 });
    assert.deepEqual([real.status, real.paymentIntentsCanceled], ["succeeded", 7]);
    const rows = await bench.sql`select stripe_id from public.job_decisions where outcome = 'canceled'`;
    assert.deepEqual(rows.map(({ stripe_id }) => stripe_id).sort(), would.sort());
  });
});
