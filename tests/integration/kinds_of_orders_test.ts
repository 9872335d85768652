import assert from "node:assert/strict";
import { KINDS } from "../../local/demo/kinds.ts";
import { openShop } from "../../local/demo/shop.ts";
import { withShop } from "./support.ts";

Deno.test("every kind of order ends where it has to, and keeps its stock unless it is expired", async () => {
  await withShop({}, async ({ sql, stripe, run, orderOf }) => {
    const few = KINDS.map((kind) => ({ ...kind, orders: 3 }));
    const shop = await openShop(sql, stripe, few);
    const report = await run();
    assert.equal(report.status, "succeeded");
    for (const { id, kind } of shop.orders) {
      assert.equal((await orderOf(id)).status, kind.becomes, kind.name);
    }
  });
});
