import assert from "node:assert/strict";
import { createClient } from "@supabase/supabase-js";
import { type Databases, startDatabases } from "../../../local/platform/databases.ts";
import { withConnection } from "../../../local/postgres/databases.ts";
import { type WatchedStack, withWatchedStack } from "./watched-stack.ts";

let databases: Databases;
Deno.test.beforeAll(async () => {
  databases = await startDatabases();
});
Deno.test.afterAll(() => databases.stop());

const brake = "brake:expire-stale-orders";

Deno.test("a schedule installed over 100,000 overdue orders changes none until an operator releases the brake", async () => {
  await withWatchedStack(databases, async ({ stack, sql, tick, rest, watch, alert, runs }) => {
    // A short run, so that the backlog needs several.
    await sql`update lapse.settings set run_seconds = 5, claim_seconds = 1`;
    await sql`insert into public.inventory (sku, on_hand) values ('mug', 100000)`;
    await withConnection(stack.database.adminUrl, async (admin) => {
      // They stood there before Lapse came.
      await admin`set session_replication_role = replica`;
      await admin`
        insert into public.orders (currency, amount, created_at, expires_at)
        select 'eur', 100, now() - interval '2 days', now() - interval '1 day' from generate_series(1, 100000)`;
      await admin`insert into public.stock_reservations (order_id, sku, quantity) select id, 'mug', 1 from public.orders`;
      await admin`update public.inventory set reserved = 100000`;
      await admin`analyze`;
    });
    await sql`select lapse.adopt_orders(100000)`;
    await sql`analyze lapse.orders`;

    await tick();
    await tick();
    assert.deepEqual(await watch(), [brake]);
    assert.deepEqual([(await alert(brake)).occurrences >= 2, (await alert(brake)).code], [true, "L007"]);
    assert.deepEqual((await runs()).map(({ status }) => status), ["braked", "braked"]);
    assert.deepEqual([...await sql`select distinct status from public.orders`], [{ status: "pending" }]);

    const operator = createClient(stack.apiUrl, stack.publishableKey, {
      auth: { persistSession: false, autoRefreshToken: false },
    });
    await operator.auth.signInWithPassword(stack.operator!);
    const { error } = await operator.functions.invoke("expire-stale-orders", {
      body: { releaseBrake: true, reason: "first day, the backlog is known" },
    });
    assert.equal(error, null);
    for (let waited = 0; waited < 120_000 && await isLeft(sql); waited += 200) {
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await rest();

    assert.deepEqual([...await sql`select status, count(*)::int as n from public.orders group by 1`], [{
      status: "expired",
      n: 100_000,
    }]);
    const worked = (await runs()).slice(2);
    assert.ok(worked.length > 1, "it took continuations");
    assert.deepEqual(new Set(worked.slice(1).map(({ trigger }) => trigger)), new Set(["continuation"]));
    assert.ok(worked.every(({ reason }) => reason === "first day, the backlog is known"));
    assert.deepEqual(await watch(), []);
    assert.equal((await sql`select from lapse.drift()`).length, 0);
  }, { users: true });
});

async function isLeft(sql: WatchedStack["sql"]): Promise<boolean> {
  return (await sql`select from public.orders where status = 'pending' limit 1`).length > 0;
}
