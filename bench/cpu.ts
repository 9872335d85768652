import type { Databases } from "../local/platform/databases.ts";
import { placeOrdersWithIntent, placeOrdersWithoutPayment } from "./support/backlog.ts";
import { bareCancelsCpuMs } from "./support/bare-calls.ts";
import type { Bench, Size } from "./support/bench.ts";
import { type Figure, figureOf, median } from "./support/figure.ts";
import { usageOf } from "./support/function-process.ts";
import { openShop } from "./support/shop.ts";

const SIZES = {
  toy: { withIntent: 50, without: 300, rounds: 1 },
  quick: { withIntent: 1_000, without: 20_000, rounds: 2 },
  full: { withIntent: 4_000, without: 100_000, rounds: 3 },
};

/** CPU of the function's process for an order with one intent, over that of a process that only makes the same two calls. */
export const cpu: Bench = {
  name: "cpu",
  async run(size: Size, databases: Databases): Promise<Figure[]> {
    const { withIntent, rounds } = SIZES[size];
    const job: number[] = [];
    const bare: number[] = [];
    for (let round = 0; round < rounds; round++) {
      job.push(await cpuPerOrder(databases, withIntent));
      bare.push(await bareCancelsCpuMs(withIntent));
    }
    return [
      figureOf("cpu", "expired order with one intent over a process that makes the same two calls", {
        unit: "ratio",
        samples: job.map((ms, round) => ms / bare[round]!),
        size: `${withIntent} orders, unpaced`,
        goal: { atMost: 3 },
        behind: { jobMsPerOrder: median(job), bareMsPerOrder: median(bare) },
      }),
    ];
  },
};

/** Memory over a backlog, and what an order without payments costs the function. */
export const memory: Bench = {
  name: "memory",
  async run(size: Size, databases: Databases): Promise<Figure[]> {
    const { without, rounds } = SIZES[size];
    const samples: number[] = [];
    const peaks: number[] = [];
    for (let round = 0; round < rounds; round++) {
      await using shop = await openShop(databases);
      await shop.run();
      const idle = await usageOf(shop.stack);
      await placeOrdersWithoutPayment(shop, without);
      const report = await shop.run();
      if (report.ordersExpired !== without) throw new Error(`Cannot measure: ${report.ordersExpired} expired`);
      const busy = await usageOf(shop.stack);
      samples.push((busy.cpuMs - idle.cpuMs) / without);
      peaks.push(busy.peakBytes / idle.peakBytes);
    }
    return [
      figureOf("memory", "peak over the backlog, over that of an idle function", {
        unit: "ratio",
        samples: peaks,
        size: `${without} orders without payments`,
        goal: { atMost: 1.3 },
        behind: { cpuMsPerOrder: median(samples) },
      }),
    ];
  },
};

/** Start-up apart: the function has loaded Stripe's SDK and expired a first order before it is measured. */
async function cpuPerOrder(databases: Databases, count: number): Promise<number> {
  await using shop = await openShop(databases);
  await placeOrdersWithIntent(shop, { count: 1 });
  await shop.run();
  await placeOrdersWithIntent(shop, { count });
  const before = await usageOf(shop.stack);
  const report = await shop.run();
  if (report.ordersExpired !== count) throw new Error(`Cannot measure: ${report.ordersExpired} expired`);
  return ((await usageOf(shop.stack)).cpuMs - before.cpuMs) / count;
}
