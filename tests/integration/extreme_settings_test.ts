import assert from "node:assert/strict";
import { type Shop, withShop } from "./support.ts";

for (const [which, sign] of [["smallest", ">="], ["largest", "<="]] as const) {
  Deno.test(`with the ${which} value that each setting allows both jobs work, and so do watch and retention`, async () => {
    // The pace is a setting too, and the smallest one spreads payments over seconds.
    await withShop({ paced: true }, async (shop) => {
      const values = await bounds(shop, sign);
      assert.ok(Object.keys(values).length > 30);
      await shop.sql.unsafe(
        `update lapse.settings set ${Object.entries(values).map(([column, value]) => `${column} = ${value}`)}`,
      );
      const minutesAgo = which === "smallest" ? 60 : 3 * 24 * 60;
      const [bare, open, paid] = [1, 2, 3].map(() => shop.placeOrder({ minutesAgo }));
      await shop.addIntent(await open!);
      await shop.addIntent(await paid!, { status: "succeeded" });
      const stand = () => Promise.all([bare, open, paid].map(async (id) => await shop.shopStatusOf(await id!)));
      // A run of five seconds gets through little at half a payment a second.
      for (let run = 0; run < 20 && (await stand()).includes("pending"); run++) {
        const report = await shop.run({ releaseBrake: true, reason: "a test" });
        assert.ok(["succeeded", "partial"].includes(report.status), `${report.status}: ${report.error}`);
        await shop.dueNow();
      }
      assert.deepEqual(await stand(), ["expired", "expired", "paid"]);
      const cleanup = await shop.run({}, "cleanup-stale-payment-intents");
      assert.ok(["succeeded", "partial"].includes(cleanup.status), String(cleanup.error));

      await shop.sql`call lapse.watch()`;
      await shop.sql`call lapse.retain()`;
      assert.deepEqual((await shop.openAlerts()).filter((line) => line.includes("watch_failed")), []);
    });
  });
}

/** The bound that the check of each setting has on one side, as SQL. */
async function bounds({ sql }: Shop, sign: ">=" | "<="): Promise<Record<string, string>> {
  const rows = await sql<{ column: string; check: string }[]>`
    select a.attname as column, pg_get_constraintdef(c.oid) as check
    from pg_constraint c
    join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any (c.conkey)
    where c.conrelid = 'lapse.settings'::regclass and c.contype = 'c' and cardinality(c.conkey) = 1`;
  return Object.fromEntries(rows.flatMap(({ column, check }) => {
    const [, bound] = new RegExp(`${sign} \\(?('[^']+'::[a-z]+|[0-9.]+)`).exec(check) ?? [];
    return bound === undefined ? [] : [[column, bound]];
  }));
}
