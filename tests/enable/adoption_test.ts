import assert from "node:assert/strict";
import postgres from "postgres";
import { type Databases, startDatabases } from "../../local/platform/databases.ts";
import { nextShop } from "../../local/platform/prepare.ts";
import { adoptBeside, fillShop, settleAndCompare } from "./adoption.ts";

let databases: Databases;
Deno.test.beforeAll(async () => void (databases = await startDatabases({ shop: nextShop, schedules: false })));
Deno.test.afterAll(() => databases.stop());

Deno.test("thousands of open orders are adopted beside checkouts: none is missed, and nothing fails", async () => {
  await using database = await databases.fresh();
  const sql = postgres(database.url, { max: 2, onnotice: () => {} });
  try {
    await fillShop(sql, 4_000);
    const { adopted, failures, writes } = await adoptBeside(database, {
      orders: 4_000,
      perSecond: 50,
      batch: 250,
      seconds: 2,
    });
    assert.deepEqual(failures, []);
    assert.ok(adopted > 3_000 && writes.length > 50, `${adopted} orders adopted, ${writes.length} writes`);
    assert.deepEqual(await settleAndCompare(sql), []);

    // Every order that is open in the shop is watched, with both of its payments, and those from before the lists with a person.
    const [row] = await sql`
      select count(*) filter (where l.ref is null or l.status not in ('pending', 'quarantined'))::int as unwatched,
        count(*) filter (where p.names is distinct from array_remove(array[o.stripe_checkout_session_id, o.stripe_payment_intent_id], null))::int
          as without_payments,
        count(*) filter (where (o.created_at < now() - interval '90 days') <> (l.status = 'quarantined' and l.reason = 'older_than_list'))::int
          as guessed,
        count(*) filter (where o.created_at < now() - interval '90 days')::int as old
      from public.orders o
      left join lapse.orders l on l.ref = o.id
      left join lateral (
        select coalesce(array_agg(p.stripe_id order by p.stripe_id), '{}') as names from lapse.payments p where p.ref = o.id
      ) p on true
      where o.state = 'awaiting_payment'`;
    assert.deepEqual([row!.unwatched, row!.without_payments, row!.guessed], [0, 0, 0]);
    assert.ok(row!.old > 0);
    const [paid] = await sql`
      select count(*)::int as n from public.orders o join lapse.orders l on l.ref = o.id where o.state = 'paid' and l.status <> 'paid'`;
    assert.equal(paid!.n, 0);
  } finally {
    await sql.end();
  }
});
