import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleFunction } from "../local/package/bundle.ts";
import type { Databases } from "../local/platform/databases.ts";
import type { Bench, Size } from "./support/bench.ts";
import { type Figure, figureOf, median } from "./support/figure.ts";
import { openShop, type Shop } from "./support/shop.ts";

const SIZES = { toy: 1, quick: 11, full: 41 };
const sourceOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/**
 * From no process to the first answer: the job's function over a bare function with `@supabase/server`. Both are bundled, as the package
 * bundles what it deploys: from source files, a third of a start is looking for them.
 */
export const cold: Bench = {
  name: "cold",
  async run(size: Size, databases: Databases): Promise<Figure[]> {
    const functionsFolder = await Deno.makeTempDir();
    await using parts = new AsyncDisposableStack();
    parts.defer(() => Deno.remove(functionsFolder, { recursive: true }));
    await bundleFunction(sourceOf("../functions/expire-stale-orders"), join(functionsFolder, "job"));
    await bundleFunction(sourceOf("./functions/bare"), join(functionsFolder, "bare"));
    await using shop = await openShop(databases, { functionsFolder });
    const starts = {
      job: () => firstAnswerMs(shop, "job"),
      bare: () => firstAnswerMs(shop, "bare"),
      silent: () => firstAnswerMs(shop, "bare", "?silent"),
    };
    const times = { job: [] as number[], bare: [] as number[], silent: [] as number[] };
    // Once in advance, so that packages are downloaded and compiled, and the API knows the schema.
    for (const start of Object.values(starts)) await start();
    for (let round = 0; round < SIZES[size]; round++) {
      for (const name of ["job", "bare", "silent"] as const) times[name].push(await starts[name]());
    }
    const over = (other: number[]) => times.job.map((ms, n) => ms / other[n]!);
    const common = { unit: "ratio", size: `${SIZES[size]} fresh processes each` };
    const behind = { jobMs: median(times.job), bareMs: median(times.bare), silentMs: median(times.silent) };
    return [
      figureOf("cold", "first answer over that of a bare function with one call to the database", {
        ...common,
        samples: over(times.bare),
        goal: { atMost: 1.2 },
        behind,
      }),
      figureOf("cold", "first answer over that of a bare function that only checks the caller", {
        ...common,
        samples: over(times.silent),
      }),
    ];
  },
};

async function firstAnswerMs({ stack, sql }: Shop, name: string, query = ""): Promise<number> {
  await stack.functions.kill(name);
  // A run that was killed would keep its lease, and the next answer would be that it is skipped.
  await sql`update lapse.jobs set run_id = null, lease_until = now()`;
  const started = performance.now();
  const response = await fetch(`${stack.apiUrl}/functions/v1/${name}${query}`, {
    method: "POST",
    headers: { apikey: stack.secretKey },
  });
  await response.body?.cancel();
  const elapsed = performance.now() - started;
  if (!response.ok) throw new Error(`Cannot measure the start of ${name}: it answered ${response.status}`);
  return elapsed;
}
