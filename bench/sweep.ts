import type { Databases } from "../local/platform/databases.ts";
import { placeClosedOrders } from "./support/backlog.ts";
import type { Bench, Size } from "./support/bench.ts";
import { type Figure, figureOf } from "./support/figure.ts";
import { usageOf } from "./support/function-process.ts";
import { openShop, type Shop } from "./support/shop.ts";

const SIZES = {
  toy: { payments: 300, rounds: 1 },
  quick: { payments: 50_000, rounds: 3 },
  full: { payments: 100_000, rounds: 5 },
};
const JOB = "cleanup-stale-payment-intents";

/** What one walk over Stripe's list costs, and what the next one costs that finds nothing new. */
type Walk = { cpuMs: number; calls: number; callsAgain: number };

/** The clean-up's walk over Stripe's list: what a payment costs, and what nothing new costs. */
export const sweep: Bench = {
  name: "sweep",
  async run(size: Size, databases: Databases): Promise<Figure[]> {
    const { payments, rounds } = SIZES[size];
    const own: Walk[] = [];
    for (let round = 0; round < rounds; round++) own.push(await walk(databases, payments, placeClosedOrders));
    const foreign = await walk(databases, payments, createForeignIntents);
    const measured = `${payments} payments of four weeks`;
    return [
      figureOf("sweep", "CPU per payment listed, all of them the shop's own", {
        unit: "ms",
        samples: own.map(({ cpuMs }) => cpuMs / payments),
        size: measured,
        goal: { atMost: 0.03 },
      }),
      figureOf("sweep", "CPU per payment listed, all of them of another application", {
        unit: "ms",
        samples: [foreign.cpuMs / payments],
        size: measured,
        goal: { atMost: 0.03 },
      }),
      figureOf("sweep", "calls per payment listed", {
        unit: "calls",
        samples: own.map(({ calls }) => calls / payments),
        size: measured,
        behind: { calls: own[0]!.calls },
      }),
      figureOf("sweep", "calls of a second sweep without news", {
        unit: "calls",
        samples: own.map(({ callsAgain }) => callsAgain),
        size: measured,
        goal: { atMost: 2 },
      }),
    ];
  },
};

type Fill = (shop: Shop, account: { count: number; from: number; seconds: number }) => Promise<void>;

async function walk(databases: Databases, payments: number, fill: Fill): Promise<Walk> {
  await using shop = await openShop(databases);
  const control = shop.stack.simulator!.control;
  // Warm, without having swept: a dry run changes nothing.
  await shop.run({ job: JOB, dryRun: true });
  await fill(shop, { count: payments, from: Math.floor(Date.now() / 1_000) - 28 * 86_400, seconds: 20 * 86_400 });
  const before = await usageOf(shop.stack, JOB);
  const start = control.mark();
  await shop.run({ job: JOB });
  const after = await usageOf(shop.stack, JOB);
  const listed = control.mark();
  await shop.run({ job: JOB });
  const calls = listed - start;
  if (calls < payments / 100) {
    throw new Error(`Cannot measure a sweep that read ${calls} pages of ${payments} payments`);
  }
  return { cpuMs: after.cpuMs - before.cpuMs, calls, callsAgain: control.mark() - listed };
}

/** Payments that another application made on the same account: they carry no order. */
// deno-lint-ignore require-await
async function createForeignIntents(
  { stack }: Shop,
  { count, from: created, seconds }: Parameters<Fill>[1],
): Promise<void> {
  stack.simulator!.control.createPaymentIntents([
    { count, status: "succeeded", created, createdStep: seconds / count },
  ]);
}
