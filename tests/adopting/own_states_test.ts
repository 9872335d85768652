import assert from "node:assert/strict";
import postgres from "postgres";
import { eventually, type Shop, withShop } from "./support.ts";

// The shop goes on writing to its own tables. What it decides by itself, Lapse follows.

Deno.test("a sale that the shop calls paid stays paid, keeps its pieces, and is asked about no more", async () => {
  await withShop({}, async (shop) => {
    const [cash, claimed] = [await shop.placeOrder(), await shop.placeOrder()];
    for (const id of [cash, claimed]) await shop.addIntent(id);
    // A run that has taken it dies; the next one would find it due.
    await shop.sql`
      update shop2.sale_watch set status = 'expiring', claimed_by = gen_random_uuid() where id = ${claimed}`;
    for (const id of [cash, claimed]) await setState(shop.sql, id, "paid");
    await shop.run();
    for (const id of [cash, claimed]) {
      assert.equal(await stateOf(shop, id), "paid");
      assert.deepEqual((({ status, reason }) => [status, reason])(await shop.orderOf(id)), ["paid", "closed_by_shop"]);
    }
    assert.equal(await available(shop), 100000 - 4);
    assert.equal((await shop.sql`select from public.job_decisions`).length, 0);
  });
});

Deno.test("Stripe's word for a sale that the shop called paid already is no second payment", async () => {
  await withShop({}, async (shop) => {
    const id = await shop.placeOrder();
    const ref = await shop.addIntent(id, { status: "succeeded" });
    await setState(shop.sql, id, "paid");
    const [row] = await shop.sql`select public.mark_order_paid(${id}, ${ref}) as answer`;
    assert.equal(row!.answer, "already_paid");
    assert.equal((await shop.sql`select from public.job_alerts`).length, 0);
  });
});

Deno.test("the shop voids a sale only once no payment of it lives, and the pieces go back once", async () => {
  await withShop({}, async (shop) => {
    const [payable, free] = [await shop.placeOrder(), await shop.placeOrder()];
    await shop.addIntent(payable);
    await assert.rejects(setState(shop.sql, payable, "void"), { code: "23001" });
    assert.equal(await stateOf(shop, payable), "open");

    await setState(shop.sql, free, "void");
    await shop.sql`update shop2.stock set available = available + 2 where article = 'tea'`;
    const report = await shop.run();
    assert.equal(report.paymentsExpired, 1, "the one that was payable");
    assert.equal(await stateOf(shop, payable), "void");
    assert.equal(await available(shop), 100000);
  });
});

Deno.test("a run that settles a sale and the shop that closes it do not wait for each other", async () => {
  await withShop({}, async (shop) => {
    const id = await shop.placeOrder();
    await shop.addIntent(id);
    const other = postgres(shop.stack.database.url, { max: 1, onnotice: () => {} });
    try {
      let run: Promise<unknown> | undefined, close: Promise<number> | undefined;
      await other.begin(async (sql) => {
        // The run records what Stripe said of this payment, and so stops in the middle of its settlement.
        await sql`select from shop2.ref_watch where sale_id = ${id} for update`;
        run = shop.run();
        run.catch(() => {});
        await waitFor(shop, 1);
        close = setState(shop.sql, id, "paid");
        close.catch(() => {});
        await waitFor(shop, 2);
      });
      assert.equal(await close, 0, "the run was first: the sale is not open any more");
      await run;
    } finally {
      await other.end({ timeout: 1 });
    }
    assert.equal(await stateOf(shop, id), "void");
    const [{ deadlocks }] = await shop.sql`
      select deadlocks::integer from pg_stat_database where datname = current_database()` as [{ deadlocks: number }];
    assert.equal(deadlocks, 0);
  });
});

const waitFor = ({ sql }: Shop, sessions: number) =>
  eventually(async () => {
    const waiting = await sql`
      select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    return waiting.length >= sessions;
  }, `${sessions} sessions wait`);

/** As the shop's own code does it. Answers how many sales that were. */
async function setState(sql: postgres.Sql, id: string, state: string): Promise<number> {
  const { count } = await sql`
    update shop2.sales s set state = ${state} from shop2.sale_watch w
    where w.id = ${id} and s.sale_no = w.sale_no and s.state = 'open'`;
  return count;
}

async function stateOf({ sql }: Shop, id: string): Promise<string> {
  const [row] = await sql`select s.state from shop2.sales s join shop2.sale_watch w using (sale_no) where w.id = ${id}`;
  return row!.state;
}

async function available({ sql }: Shop): Promise<number> {
  const [row] = await sql`select available from shop2.stock where article = 'tea'`;
  return row!.available;
}
