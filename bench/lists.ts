import type { Databases } from "../local/platform/databases.ts";
import {
  createForeignIntents,
  createSettledIntents,
  placeOrdersWithoutPayment,
  type Stretch,
} from "./support/backlog.ts";
import { barePagesCpuMs } from "./support/bare-calls.ts";
import type { Bench, Size } from "./support/bench.ts";
import { type Figure, figureOf } from "./support/figure.ts";
import { usageOf } from "./support/function-process.ts";
import { openShop, type Shop } from "./support/shop.ts";

const SIZES = {
  toy: { payments: 300, rounds: 1 },
  // One run reads a hundred pages at most, and the last page of each window is not full.
  quick: { payments: 8_000, rounds: 3 },
  full: { payments: 8_000, rounds: 9 },
};

/** Reading Stripe's list before orders are closed: CPU per payment, over that of a process that only reads the same pages. The cost of the run itself is subtracted. */
export const lists: Bench = {
  name: "lists",
  async run(size: Size, databases: Databases): Promise<Figure[]> {
    const { payments, rounds } = SIZES[size];
    const own: number[] = [];
    for (let round = 0; round < rounds; round++) own.push(await ratio(databases, payments, createSettledIntents));
    const foreign = await ratio(databases, payments, createForeignIntents);
    const common = { unit: "ratio", size: `${payments} payments of four hours`, goal: { atMost: 3 } };
    return [
      figureOf("lists", "CPU over a process that parses the same pages, payments of the shop", {
        ...common,
        samples: own,
      }),
      figureOf("lists", "the same, payments of another application", { ...common, samples: [foreign] }),
    ];
  },
};

async function ratio(
  databases: Databases,
  count: number,
  fill: (shop: Shop, stretch: Stretch) => void | Promise<void>,
): Promise<number> {
  await using shop = await openShop(databases);
  await runWithOneDue(shop);
  // The cost of a run whose list has been read: the same order, and no payments.
  const without = await runWithOneDue(shop);
  const now = Math.floor(Date.now() / 1_000);
  const stretch = { count, from: now - 5 * 3_600, seconds: 4 * 3_600 };
  await fill(shop, stretch);
  // As after an outage: the list has not been read since before all of these payments.
  await shop.sql`
    update lapse.list_cursors set read_from = to_timestamp(${stretch.from - 60}), read_to = to_timestamp(${
    stretch.from - 60
  })`;
  const mark = shop.stack.simulator!.control.mark();
  const withPayments = await runWithOneDue(shop);
  const pages = shop.stack.simulator!.control.countCalls({ endpoint: "payment_intents.list", since: mark });
  if (pages < count / 100) throw new Error(`Cannot measure: ${pages} pages of ${count} payments were read`);
  const bare = await barePagesCpuMs(shop.stack.stripeApiBase, [{ from: stretch.from - 60, to: now }]);
  return (withPayments - without) / bare;
}

/** CPU of the function, in milliseconds. */
async function runWithOneDue(shop: Shop): Promise<number> {
  await placeOrdersWithoutPayment(shop, 1);
  const before = await shop.stack.functions.pid("expire-stale-orders") === undefined
    ? 0
    : (await usageOf(shop.stack)).cpuMs;
  await shop.run();
  return (await usageOf(shop.stack)).cpuMs - before;
}
