import type { Databases } from "../local/platform/databases.ts";
import { placeInBulk } from "../tests/faults/support/bulk.ts";
import { type CheckoutResult, compare, openCheckout } from "../tests/faults/support/checkout.ts";
import { placeOrdersWithIntent } from "./support/backlog.ts";
import type { Bench, Size } from "./support/bench.ts";
import { type Figure, figureOf } from "./support/figure.ts";
import { openShop } from "./support/shop.ts";

const SIZES = {
  toy: { without: 300, withIntent: 20, quietMs: 1_000 },
  quick: { without: 10_000, withIntent: 200, quietMs: 5_000 },
  full: { without: 100_000, withIntent: 1_500, quietMs: 30_000 },
};
const CHECKOUTS_PER_SECOND = 50;
const LATENCY_MS = 80;

/** A checkout beside a run that settles a backlog of the same articles. */
export const backlog: Bench = {
  name: "backlog",
  async run(size: Size, databases: Databases): Promise<Figure[]> {
    const { without, withIntent, quietMs } = SIZES[size];
    await using shop = await openShop(databases, {
      paced: true,
      simulator: { preset: "unlimited", latencyMs: LATENCY_MS },
    });
    await shop.sql`
      insert into public.inventory (sku, on_hand) values ('tea', 1000000), ('mug', 1000000)
      on conflict (sku) do update set on_hand = excluded.on_hand`;
    const checkout = {
      databaseUrl: shop.stack.database.url,
      controlUrl: shop.stack.simulator!.controlUrl,
      perSecond: CHECKOUTS_PER_SECOND,
    };
    const beside = async (work: () => Promise<unknown>) => {
      const opened = await openCheckout(checkout);
      await work();
      const result = await opened.close();
      if (result.errors.length > 0) throw new Error(`Cannot measure: a checkout failed: ${result.errors[0]}`);
      return result;
    };

    const quiet = await beside(() => new Promise((resolve) => setTimeout(resolve, quietMs)));
    await placeInBulk(shop.sql, without);
    const closing = await beside(() => shop.run());
    await placeOrdersWithIntent(shop, { count: withIntent });
    const cancelling = await beside(() => shop.run());

    const whole = { ...quiet, calls: [...closing.calls, ...cancelling.calls] };
    const backlog = `${without} orders without payments, ${withIntent} with one intent`;
    return [
      slowest(quiet, whole, { figure: "beside the whole backlog", size: backlog, goal: 2 }),
      slowest(quiet, closing, { figure: "while orders without payments close", size: backlog, goal: 4 }),
    ];
  },
};

/** The slowest of the checkout's three calls. */
function slowest(
  quiet: CheckoutResult,
  busy: CheckoutResult,
  { figure, size, goal }: { figure: string; size: string; goal: number },
): Figure {
  const calls = compare(quiet, busy);
  return figureOf("backlog", `95th percentile of a checkout's call over its quiet median, ${figure}`, {
    unit: "ratio",
    samples: [Math.max(...calls.map(({ busyP95, quietMedian }) => busyP95 / quietMedian))],
    size: `${size}; ${CHECKOUTS_PER_SECOND} checkouts a second on the same two articles`,
    goal: { atMost: goal },
    behind: Object.fromEntries(calls.flatMap(({ call, quietMedian, quietP95, busyP95 }) => [
      [`${call}, quiet median ms`, quietMedian],
      [`${call}, quiet 95th percentile ms`, quietP95],
      [`${call}, 95th percentile beside the run ms`, busyP95],
    ])),
  });
}
