import assert from "node:assert/strict";
import type { Fault } from "../../../local/stripe-simulator/faults.ts";
import { fillPages } from "./account.ts";
import { assertCleanedUp } from "./assert-cleaned-up.ts";
import { type Bench, withBench } from "./bench.ts";

/** More with CLEANUP_SCHEDULES=200. */
const SCHEDULES = Number(Deno.env.get("CLEANUP_SCHEDULES") ?? 20);
const SIDE_BY_SIDE = 10;

const TROUBLE: Partial<Fault>[] = [
  { kind: "reset" },
  { kind: "execute_then_reset" },
  { kind: "execute_then_cut_body" },
  { kind: "error_500", saved: true },
  { kind: "error_500", executes: true },
  { kind: "error_502_html" },
  { kind: "error_503" },
  { kind: "rate_limited", reason: "endpoint-rate" },
  { kind: "rate_limited", reason: "endpoint-concurrency" },
  { kind: "lock_timeout" },
  { kind: "not_found" },
  { kind: "unknown_status", status: "requires_patience" },
  { kind: "missing_field", field: "amount_received" },
  { kind: "missing_field", field: "status" },
  { kind: "null_payment_intent" },
  { kind: "unauthorized", probability: 0.01 },
  { kind: "forbidden", probability: 0.01 },
];

Deno.test(`${SCHEDULES} schedules of faults: nothing is ended that must not be, and all is done once the faults stop`, async () => {
  const seeds = Array.from({ length: SCHEDULES }, (_, seed) => seed + 1).values();
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, async () => {
    for (const seed of seeds) {
      await withBench((bench) => survive(bench, seed)).catch((error) => {
        throw new Error(`Schedule ${seed} failed`, { cause: error });
      });
    }
  }));
});

/** Three weeks in which every call may fail, in ways picked by the seed; then weeks without faults. */
async function survive(bench: Bench, seed: number): Promise<void> {
  const expected = await fillPages(bench, 2);
  for (let n = 0; n < 4; n++) {
    const fault = TROUBLE[(seed * 7 + n * 5) % TROUBLE.length]!;
    bench.stripe.addFault({ probability: 0.25, seed: seed * 10 + n, ...fault } as Fault);
  }
  for (let week = 0; week < 3; week++) {
    await bench.run();
    bench.advanceDays(7);
  }
  bench.stripe.clearFaults();
  for (let week = 0; week < 30 && await isListed(bench); week++) {
    await bench.runToTheEnd();
    bench.advanceDays(7);
  }
  await bench.runToTheEnd();
  assert.equal(await isListed(bench), false, "every payment is decided for good");
  await assertCleanedUp(bench, expected);
}

async function isListed({ sql }: Bench): Promise<boolean> {
  return (await sql`select from jobs.revisits`).length > 0;
}
