import type { Databases } from "../local/platform/databases.ts";
import type { Bench, Size } from "./support/bench.ts";
import { type Figure, figureOf } from "./support/figure.ts";
import { usageOf } from "./support/function-process.ts";
import { openShop } from "./support/shop.ts";

const SIZES = { toy: 300, quick: 50_000, full: 100_000 };
const JOB = "cleanup-stale-payment-intents";

/** The clean-up's walk over Stripe's list: what a payment costs, and what nothing new costs. */
export const sweep: Bench = {
  name: "sweep",
  async run(size: Size, databases: Databases): Promise<Figure[]> {
    const payments = SIZES[size];
    await using shop = await openShop(databases);
    const control = shop.stack.simulator!.control;
    // Warm, without having swept: a dry run changes nothing.
    await shop.run({ job: JOB, dryRun: true });
    const days = 20 * 86_400;
    const created = Math.floor(Date.now() / 1_000) - 28 * 86_400;
    // As an account looks: most payments are paid or were given up, and belong to no order that anybody waits for.
    control.createPaymentIntents([
      { count: Math.ceil(payments * 0.8), status: "succeeded", created, createdStep: days / (payments * 0.8) },
      { count: Math.floor(payments * 0.2), status: "canceled", created, createdStep: days / (payments * 0.2) },
    ]);
    const before = await usageOf(shop.stack, JOB);
    const start = control.mark();
    const first = await shop.run({ job: JOB });
    const after = await usageOf(shop.stack, JOB);
    const listed = control.mark();
    await shop.run({ job: JOB });
    const measured = `${payments} payments of four weeks`;
    return [
      figureOf("sweep", "CPU per payment listed", {
        unit: "ms",
        samples: [(after.cpuMs - before.cpuMs) / payments],
        size: measured,
        goal: { atMost: 0.03 },
      }),
      figureOf("sweep", "calls per payment listed", {
        unit: "calls",
        samples: [(listed - start) / payments],
        size: measured,
        behind: { calls: listed - start, reported: first.stripeCalls },
      }),
      figureOf("sweep", "calls of a second sweep without news", {
        unit: "calls",
        samples: [control.mark() - listed],
        size: measured,
        goal: { atMost: 2 },
      }),
    ];
  },
};
