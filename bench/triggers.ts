import postgres from "postgres";
import type { Databases } from "../local/platform/databases.ts";
import type { Bench, Size } from "./support/bench.ts";
import { type Figure, figureOf, median } from "./support/figure.ts";

const SIZES = { toy: 5, quick: 500, full: 2_000 };

/** What the triggers that feed Lapse add to a checkout's statement: the same checkouts with and without them, in turns. */
export const triggers: Bench = {
  name: "triggers",
  async run(size: Size, databases: Databases): Promise<Figure[]> {
    await using database = await databases.fresh();
    const sql = postgres(database.adminUrl, { max: 1, onnotice: () => {} });
    try {
      await sql`insert into public.inventory (sku, on_hand) values ('tea', 1000000)`;
      const times = { with: [] as number[], without: [] as number[] };
      for (let n = 0; n < SIZES[size] + 20; n++) {
        for (const kind of ["with", "without"] as const) {
          await sql.unsafe(`set session_replication_role = ${kind === "with" ? "origin" : "replica"}`);
          const ms = await checkoutMs(sql);
          // The first ones compile the functions and read the catalogue.
          if (n >= 20) times[kind].push(ms);
        }
      }
      return [
        figureOf("triggers", "milliseconds that a checkout's statement takes longer with Lapse's triggers", {
          unit: "ms",
          samples: [median(times.with) - median(times.without)],
          size: `${SIZES[size]} checkouts each, in turns`,
          goal: { atMost: 1 },
          behind: { withMs: median(times.with), withoutMs: median(times.without) },
        }),
      ];
    } finally {
      await sql.end({ timeout: 1 });
    }
  },
};

async function checkoutMs(sql: postgres.Sql): Promise<number> {
  const started = performance.now();
  await sql`
    select public.place_order(p_currency => 'eur', p_amount => 2000, p_items => '[{"sku": "tea", "quantity": 1}]')`;
  return performance.now() - started;
}
