import assert from "node:assert/strict";
import { fillPages } from "./account.ts";
import { assertCleanedUp } from "./assert-cleaned-up.ts";
import { withBench } from "./bench.ts";
import { createDeath } from "./death.ts";

/** Most of a death is waiting. */
const SIDE_BY_SIDE = 10;
const PAGES = 3;

for (const moment of ["before", "after"] as const) {
  Deno.test(`a run that dies ${moment} any of its steps loses no payment, ends none twice, and counts each once`, async () => {
    const steps = await dieAt(Number.POSITIVE_INFINITY, moment);
    const numbers = Array.from({ length: steps }, (_, index) => index + 1).values();
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, async () => {
      for (const step of numbers) await dieAt(step, moment);
    }));
  });
}

/** One account, one run that dies at this step, and runs after it until all is done. Answers how many steps it took. */
async function dieAt(step: number, moment: "before" | "after"): Promise<number> {
  const death = createDeath(step, moment);
  await withBench(async (bench) => {
    const expected = await fillPages(bench, PAGES);
    await bench.run({ death });
    bench.advanceDays(1 / 24);
    await bench.runToTheEnd();
    await assertCleanedUp(bench, expected);
    const read = bench.stripe.countCalls({ endpoint: "payment_intents.list" });
    // The page under way is read again; and the hour that passed is a slice of its own.
    assert.ok(read <= PAGES + 2, `dead ${moment} step ${step}: ${read} pages read`);
  });
  return death.steps();
}
