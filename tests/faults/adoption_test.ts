import assert from "node:assert/strict";
import postgres from "postgres";
import { startDatabases } from "../../local/platform/databases.ts";
import { nextShop } from "../../local/platform/prepare.ts";
import { adoptBeside, fillShop, percentile, settleAndCompare } from "../enable/adoption.ts";
import { lengthOf, report } from "./support/length.ts";

const orders = lengthOf({ bounded: 20_000, long: 100_000 });

Deno.test("a large shop is adopted beside fifty checkouts a second, which are hardly slowed down", async () => {
  await using databases = await startDatabases({ shop: nextShop, schedules: false });
  await using database = await databases.fresh();
  const sql = postgres(database.url, { max: 2, onnotice: () => {} });
  try {
    await fillShop(sql, orders);
    const { adopted, batches, seconds, writes, failures } = await adoptBeside(database, { orders, perSecond: 50 });
    report(
      `${adopted} open orders taken over in ${
        seconds.toFixed(1)
      } s (${batches} batches) beside ${writes.length} writes of the shop: ` +
        `p50 ${percentile(writes, 0.5).toFixed(1)} ms, p99 ${percentile(writes, 0.99).toFixed(1)} ms, slowest ${
          writes.at(-1)!.toFixed(1)
        } ms`,
    );
    assert.deepEqual(failures, []);
    assert.deepEqual(await settleAndCompare(sql), []);
  } finally {
    await sql.end();
  }
});
