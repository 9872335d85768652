import assert from "node:assert/strict";
import { populate } from "./account.ts";
import { assertCleanedUp } from "./assert-cleaned-up.ts";
import { type Bench, withBench } from "./bench.ts";

const DAY_MS = 86_400_000;

Deno.test("a sweep too long for one run goes on in the next, and an operator can read how far it is", async () => {
  await withBench(async (bench) => {
    const expected = await populate(bench, { payments: 2_000, oldest: 80, youngest: 8 });
    await bench.sql`
      update jobs.settings set claim_seconds = 1, run_seconds = 10, sweep_start = ${new Date(
      bench.now().getTime() - 90 * DAY_MS,
    )}`;
    bench.stripe.setLatency({ latencyMs: 40 });
    const reports = [await bench.run()];
    assert.equal(reports[0]!.status, "partial");
    const [slice] = await bench.sql`
      select *, extract(epoch from time_left)::int as left_s from public.job_sweeps order by id desc limit 1`;
    assert.ok(slice!.created_from < slice!.reached && slice!.reached < slice!.created_to);
    assert.ok(slice!.payments_seen >= slice!.own_payments_seen && slice!.own_payments_seen > 0);
    assert.ok(Number(slice!.payments_per_second) > 10 && slice!.left_s > 0, JSON.stringify(slice));
    assert.equal(slice!.finished_at, null);

    reports.push(...await bench.runToTheEnd());
    assert.ok(reports.length > 2);
    await assertCleanedUp(bench, expected);
    const [last] = await bench.sql`select * from public.job_sweeps order by created_to desc limit 1`;
    assert.ok(last!.finished_at !== null && last!.reached.getTime() === last!.created_from.getTime());
    assert.equal(last!.time_left, "00:00:00");
    assert.equal(bench.stripe.countCalls({ endpoint: "payment_intents.list" }) <= 2_000 / 100 + 3, true);
  });
});

Deno.test("slices follow each other without a gap or an overlap, back to a start that is configured later", async () => {
  await withBench(async (bench) => {
    await bench.run();
    bench.advanceDays(7);
    await bench.run();
    bench.advanceDays(45);
    await bench.run();
    await bench.sql`update jobs.settings set sweep_start = ${new Date(bench.now().getTime() - 200 * DAY_MS)}`;
    await bench.run();
    const slices = await bench.sql<{ created_from: Date; created_to: Date }[]>`
      select created_from, created_to from public.job_sweeps order by created_from`;
    for (const [index, { created_from, created_to }] of slices.entries()) {
      assert.ok(created_to.getTime() - created_from.getTime() <= 30 * DAY_MS);
      if (index > 0) assert.deepEqual(created_from, slices[index - 1]!.created_to);
    }
    const days = (moment: Date) => Math.round((bench.now().getTime() - moment.getTime()) / DAY_MS);
    assert.deepEqual([days(slices[0]!.created_from), days(slices.at(-1)!.created_to)], [200, 7]);
  });
});

Deno.test("test and live mode have sweeps of their own", async () => {
  await withBench(async (bench) => {
    await bench.run();
    const next = await preview(bench, true);
    assert.equal(Math.round((bench.now().getTime() - next.getTime()) / DAY_MS), 30);
  });
});

Deno.test("a cursor that Stripe forgot is replaced by its time", async () => {
  await withBench(async (bench) => {
    const expected = await populate(bench, { payments: 350, oldest: 29, youngest: 8 });
    await bench.sql`update jobs.settings set claim_seconds = 1, run_seconds = 10`;
    bench.stripe.setLatency({ latencyMs: 300 });
    assert.equal((await bench.run()).status, "partial");
    await bench.sql`update public.job_sweeps set cursor = 'pi_deleted_with_the_test_data'`;
    bench.stripe.setLatency({ latencyMs: 0 });
    await bench.runToTheEnd();
    await assertCleanedUp(bench, expected);
  });
});

Deno.test("only operators and viewers read the progress", async () => {
  await withBench(async ({ sql, run }) => {
    await run();
    const asUser = (role: string) =>
      sql.begin(async (tx) => {
        await tx`select set_config('request.jwt.claims', ${
          JSON.stringify({ app_metadata: { jobs_role: role } })
        }, true)`;
        await tx`set local role authenticated`;
        return (await tx`select from public.job_sweeps`).length;
      });
    assert.deepEqual([await asUser("operator"), await asUser("viewer"), await asUser("customer")], [1, 1, 0]);
  });
});

async function preview({ sql, now }: Bench, livemode: boolean): Promise<Date> {
  const [row] = await sql`select public.jobs_preview_slice(${livemode}, null, null, ${now()}) ->> 'createdFrom' as at`;
  return new Date(row!.at);
}
