import type { Databases } from "../local/platform/databases.ts";
import type { Bench, Size } from "./support/bench.ts";
import { startCountingProxy } from "./support/counting-proxy.ts";
import { type Figure, figureOf } from "./support/figure.ts";
import { openShop } from "./support/shop.ts";

/** A tick with nothing due, which is nearly every tick. */
export const idle: Bench = {
  name: "idle",
  async run(_size: Size, databases: Databases): Promise<Figure[]> {
    await using proxy = startCountingProxy();
    await using shop = await openShop(databases, { functionsEnv: { SUPABASE_URL: proxy.url } });
    proxy.forwardTo(shop.stack.apiUrl);
    // The function uses the proxy's address as its project.
    await shop.sql`select lapse.set_functions_url(${`${proxy.url}/functions/v1`})`;
    await shop.run();
    proxy.calls.clear();
    const report = await shop.run();
    const size = "one tick of a warm function";
    return [
      figureOf("idle", "calls to Stripe", {
        unit: "calls",
        samples: [report.stripeCalls, shop.stack.simulator!.control.mark()],
        size,
        goal: { atMost: 0 },
      }),
      figureOf("idle", "round trips to the database", {
        unit: "calls",
        samples: [[...proxy.calls.values()].reduce((sum, n) => sum + n, 0)],
        size,
        goal: { atMost: 2 },
        behind: Object.fromEntries(proxy.calls),
      }),
    ];
  },
};
