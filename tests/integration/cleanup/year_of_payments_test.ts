import assert from "node:assert/strict";
import { type Expected, populate } from "./account.ts";
import { assertCleanedUp } from "./assert-cleaned-up.ts";
import { type Bench, withBench } from "./bench.ts";

const LIST = "payment_intents.list";

Deno.test("20,000 payments of a year: each stale one is ended, no other touched, and every late one found; then the cost is that of the new ones", async () => {
  await withBench(async (bench) => {
    const expected = await populate(bench, { payments: 20_000, oldest: 365, youngest: 7.1 });
    await bench.sql`update jobs.settings set sweep_start = ${new Date(bench.now().getTime() - 366 * 86_400_000)}`;
    await bench.runToTheEnd();
    await assertCleanedUp(bench, expected);
    // A page may be short at the end of each slice of thirty days.
    assert.ok(bench.stripe.countCalls({ endpoint: LIST }) <= 20_000 / 100 + 13);

    assert.equal(await callsOf(bench, () => bench.run()), 0, "nothing is due: no call");

    bench.advanceDays(7);
    const week = await populate(bench, { payments: 400, oldest: 13.9, youngest: 7.1 });
    const pages = await callsOf(bench, () => bench.runToTheEnd(), LIST);
    assert.ok(pages <= 400 / 100 + 2, `${pages} pages for 400 new payments`);
    await assertCleanedUp(bench, merge(expected, week));

    bench.advanceDays(7);
    assert.equal(await callsOf(bench, () => bench.run(), LIST), 1, "a week without payments is one call");
    await assertCleanedUp(bench, merge(expected, week));
  });
});

Deno.test("a week without payments costs one call, an account without payments too", async () => {
  await withBench(async (bench) => {
    assert.equal(await callsOf(bench, () => bench.run()), 1);
    assert.equal(await callsOf(bench, () => bench.run()), 0);
    bench.advanceDays(7);
    assert.equal(await callsOf(bench, () => bench.run()), 1);
  });
});

async function callsOf({ stripe }: Bench, work: () => Promise<unknown>, endpoint?: typeof LIST): Promise<number> {
  const since = stripe.mark();
  await work();
  return stripe.countCalls({ since, ...(endpoint ? { endpoint } : {}) });
}

function merge(a: Expected, b: Expected): Expected {
  return { ended: a.ended.union(b.ended), late: a.late.union(b.late), paid: a.paid.union(b.paid) };
}
