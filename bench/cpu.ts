import type { Databases } from "../local/platform/databases.ts";
import { placeOrdersWithIntent, placeOrdersWithoutPayment } from "./support/backlog.ts";
import type { Bench, Size } from "./support/bench.ts";
import { bareCallsCpuMs } from "./support/bare-calls.ts";
import { type Figure, figureOf } from "./support/figure.ts";
import { usageOf } from "./support/function-process.ts";
import { openShop, type Shop } from "./support/shop.ts";

const SIZES = {
  toy: { withIntent: 50, without: 300, rounds: 1 },
  quick: { withIntent: 4_000, without: 40_000, rounds: 3 },
  full: { withIntent: 4_000, without: 100_000, rounds: 7 },
};

/** What one invocation costs the platform: CPU of the function's process per order, and its memory. */
export const cpu: Bench = {
  name: "cpu",
  async run(size: Size, databases: Databases): Promise<Figure[]> {
    const { withIntent, rounds } = SIZES[size];
    const paged: number[] = [];
    const single: number[] = [];
    const bare: number[] = [];
    for (let round = 0; round < rounds; round++) {
      paged.push(await cpuPerOrder(databases, { count: withIntent, spacingSeconds: 1 }));
      if (round === 0) single.push(await cpuPerOrder(databases, { count: withIntent, spacingSeconds: 300 }));
      bare.push(await bareCallsCpuMs(withIntent));
    }
    return [
      figureOf("cpu", "per expired order with one intent, read in pages", {
        unit: "ms",
        samples: paged,
        size: `${withIntent} orders`,
        goal: { atMost: 0.45 },
      }),
      figureOf("cpu", "per expired order with one intent, read one by one", {
        unit: "ms",
        samples: single,
        size: `${withIntent} orders`,
      }),
      figureOf("cpu", "of a process that only sends one POST per order and reads the answer", {
        unit: "ms",
        samples: bare,
        size: `${withIntent} calls`,
      }),
    ];
  },
};

export const cpuWithoutPayments: Bench = {
  name: "cpu-no-intents",
  also: ["memory"],
  async run(size: Size, databases: Databases): Promise<Figure[]> {
    const { without, rounds } = SIZES[size];
    const samples: number[] = [];
    const memory: number[] = [];
    const behind: Figure["behind"] = {};
    for (let round = 0; round < rounds; round++) {
      await using shop = await openShop(databases);
      await shop.run();
      const idle = await usageOf(shop.stack);
      await placeOrdersWithoutPayment(shop, without);
      const report = await shop.run();
      if (report.paymentsExpired !== without) throw new Error(`Cannot measure: ${report.paymentsExpired} expired`);
      const busy = await usageOf(shop.stack);
      samples.push((busy.cpuMs - idle.cpuMs) / without);
      memory.push(busy.peakBytes / idle.peakBytes);
      behind.idleMegabytes = idle.peakBytes / 1e6;
      behind.peakMegabytes = busy.peakBytes / 1e6;
    }
    const measured = `${without} orders`;
    return [
      figureOf("cpu-no-intents", "per expired order without payments", {
        unit: "ms",
        samples,
        size: measured,
        goal: { atMost: 0.02 },
      }),
      figureOf("memory", "peak over the backlog, over that of an idle function", {
        unit: "ratio",
        samples: memory,
        size: measured,
        goal: { atMost: 1.5 },
        behind,
      }),
    ];
  },
};

/** Start-up apart: the function has loaded Stripe's SDK and expired a first order before it is measured. */
async function cpuPerOrder(databases: Databases, backlog: { count: number; spacingSeconds: number }): Promise<number> {
  await using shop: Shop = await openShop(databases);
  await placeOrdersWithIntent(shop, { ...backlog, count: 1 });
  await shop.run();
  await placeOrdersWithIntent(shop, backlog);
  const before = await usageOf(shop.stack);
  const report = await shop.run();
  if (report.paymentsExpired !== backlog.count) throw new Error(`Cannot measure: ${report.paymentsExpired} expired`);
  return ((await usageOf(shop.stack)).cpuMs - before.cpuMs) / backlog.count;
}
