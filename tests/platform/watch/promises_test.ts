import assert from "node:assert/strict";
import { type Databases, startDatabases } from "../../../local/platform/databases.ts";
import { withConnection } from "../../../local/postgres/databases.ts";
import { type Watched, withWatched } from "./watched-database.ts";

let databases: Databases;
Deno.test.beforeAll(async () => {
  databases = await startDatabases();
});
Deno.test.afterAll(() => databases.stop());

/** What no writer of the product can do, done by a superuser without triggers. */
const damages: { promise: string; code: string; damage: string; repair: string; message: RegExp }[] = [
  {
    promise: "invariant:counters",
    code: "L012",
    damage: "update lapse.runs set stock_released = stock_released + 1",
    repair: "update lapse.runs set stock_released = stock_released - 1",
    message: /^The counters of a run differ from its decisions$/,
  },
  {
    promise: "invariant:days",
    code: "L012",
    damage: "update lapse.metrics_daily set orders_expired = orders_expired + 1",
    repair: "update lapse.metrics_daily set orders_expired = orders_expired - 1",
    message: /^The days of 1 job\(s\) do not add up to their totals$/,
  },
  {
    promise: "drift",
    code: "L022",
    damage: "update public.orders set status = 'paid', paid_at = now() where status = 'pending'",
    repair: "update public.orders set status = 'pending', paid_at = null where status = 'paid'",
    message: /^Shop and ledger disagree about an order$/,
  },
  {
    promise: "privileges",
    code: "L023",
    damage: "grant select on lapse.orders, lapse.settings to anon",
    repair: "set role postgres; select lapse.secure()",
    message: /^2 privileges differ from what Lapse grants$/,
  },
];

for (const { promise, code, damage, repair, message } of damages) {
  Deno.test(`a broken promise raises ${code}, which closes after the repair: ${promise}`, async () => {
    await withWatched(databases, async (watched) => {
      const { sql, placeOrder, close, watch, alert } = watched;
      await sql`update lapse.settings set invariant_interval = '1 minute'`;
      await placeOrder(0);
      await close(0);
      await placeOrder(60);
      assert.deepEqual(await watch(1), []);
      await asSuperuser(watched, damage);
      assert.deepEqual(await watch(2), [promise]);
      const open = await alert(promise);
      assert.deepEqual([open.code, open.severity], [code, "critical"]);
      assert.match(open.message, message);
      await asSuperuser(watched, repair);
      assert.deepEqual(await watch(3), []);
    });
  });
}

Deno.test("an order that the shop's triggers missed is adopted and does not count as drift", async () => {
  await withWatched(databases, async (watched) => {
    const { sql, watch } = watched;
    await watched.placeOrder(60);
    await sql`update lapse.settings set invariant_interval = '1 minute'`;
    await asSuperuser(
      watched,
      "insert into public.orders (currency, amount, expires_at) values ('eur', 100, now() + interval '1 day')",
    );
    assert.equal((await sql`select from lapse.orders`).length, 1);
    assert.equal((await sql`select * from lapse.drift()`)[0]!.name, "open_and_not_watched");
    assert.deepEqual(await watch(1), []);
    assert.equal((await sql`select from lapse.orders`).length, 2);
  });
});

Deno.test("promises are checked only at their interval, and their alerts stay open in between", async () => {
  await withWatched(databases, async (watched) => {
    const { placeOrder, close, watch } = watched;
    await placeOrder(0);
    await close(0);
    assert.deepEqual(await watch(0), []);
    await asSuperuser(watched, damages[0]!.damage);
    assert.deepEqual(await watch(14), []);
    assert.deepEqual(await watch(15), ["invariant:counters"]);
    await asSuperuser(watched, damages[0]!.repair);
    assert.deepEqual(await watch(16), ["invariant:counters"]);
    assert.deepEqual(await watch(30), []);
  }, ["no_success"]);
});

Deno.test("before the jobs are first turned on, nothing is adopted and nothing counts as drift", async () => {
  await withWatched(databases, async (watched) => {
    const { sql, watch } = watched;
    await sql`update lapse.schedules set active = false, enabled_at = null where job not in ('watch', 'retention')`;
    await sql`insert into public.orders (currency, amount, expires_at) values ('eur', 100, now())`;
    await sql`delete from lapse.inbox where true`;
    assert.deepEqual(await watch(1), []);
    assert.equal((await sql`select from lapse.orders`).length, 0);
  });
});

async function asSuperuser({ adminUrl }: Watched, sql: string): Promise<void> {
  await withConnection(adminUrl, (admin) => admin.unsafe(`set session_replication_role = replica; ${sql}`).simple());
}
