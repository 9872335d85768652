import type { Databases } from "../local/platform/databases.ts";
import { placeOrdersWithIntent } from "./support/backlog.ts";
import type { Bench, Size } from "./support/bench.ts";
import { type Figure, figureOf } from "./support/figure.ts";
import { openShop } from "./support/shop.ts";

const SIZES = { toy: 50, quick: 1_000, full: 4_000 };

/** How close together the intents were created, in seconds, and the goal for it: pages help, or cost nothing. */
const CASES: { name: string; spacingSeconds: number; foreign?: number; goal?: number }[] = [
  { name: "created close together, 1 s apart", spacingSeconds: 1, goal: 1.05 },
  { name: "created close together, 0.1 s apart", spacingSeconds: 0.1, goal: 1.05 },
  { name: "created 5 minutes apart", spacingSeconds: 300, goal: 2 },
  // The database does not know of those, so that a page or two are read in vain before single reads.
  { name: "created 5 s apart among 100 times as many of another application", spacingSeconds: 5, foreign: 100 },
];

/** Calls to Stripe per expired order. */
export const calls: Bench = {
  name: "calls",
  async run(size: Size, databases: Databases): Promise<Figure[]> {
    const figures: Figure[] = [];
    for (const { name, spacingSeconds, foreign = 0, goal } of CASES) {
      await using shop = await openShop(databases);
      const control = shop.stack.simulator!.control;
      const { start } = await placeOrdersWithIntent(shop, { count: SIZES[size], spacingSeconds });
      if (foreign > 0) {
        control.createPaymentIntents([
          { count: SIZES[size] * foreign, created: start, createdStep: spacingSeconds / foreign },
        ]);
      }
      const report = await shop.run();
      const count = (endpoint: string) => control.countCalls({ endpoint });
      figures.push(figureOf("calls", `per expired order, ${name}`, {
        unit: "calls",
        samples: [report.stripeCalls / report.paymentsExpired],
        size: `${SIZES[size]} orders`,
        ...(goal === undefined ? {} : { goal: { atMost: goal } }),
        behind: {
          pages: count("payment_intents.list"),
          reads: count("payment_intents.retrieve"),
          cancels: count("payment_intents.cancel"),
        },
      }));
    }
    return figures;
  },
};
