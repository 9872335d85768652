import assert from "node:assert/strict";
import { nextShop, type Shape, shapes } from "./shapes.ts";
import { connectShop, type Project, withProject } from "./support.ts";

// What the contract of the adapter asks for beyond an ordinary run, tried directly on the generated functions.

for (const shape of shapes.filter(({ revive }) => revive)) {
  Deno.test(`an expired order is revived with all of its stock or not at all: ${shape.name}`, async () => {
    await withProject(shape, async (project) => {
      const { sql, place, states, free } = project;
      await connectShop(project, shape);
      const before = await free();
      await place("late");
      const ref = await refOf(project, "late");
      const revive = async (it: string) => (await sql`select lapse_shop.revive_order(${it}) as revived`)[0]!.revived;
      assert.equal(await revive(ref), false, "an open order needs no revival");
      await sql`select lapse_shop.finish_orders(${[ref]}, '{}')`;
      assert.deepEqual([await states(), await free()], [{ late: "closed" }, before]);

      if (shape.units > 0) {
        await sql.begin(async (sql) => {
          await sql.unsafe(sellOut[shape.file]!);
          assert.equal((await sql`select lapse_shop.revive_order(${ref}) as revived`)[0]!.revived, false, "sold out");
          assert.equal((await sql`select state from public.test_orders`)[0]!.state, "closed");
          await sql`rollback and chain`;
        });
      }
      assert.equal(await revive(ref), true);
      assert.deepEqual([await states(), await free()], [{ late: "paid" }, before - shape.units]);
      assert.equal(await revive(ref), false, "once");
      assert.equal(await revive("nowhere"), false);
      assert.deepEqual([await states(), await free()], [{ late: "paid" }, before - shape.units]);
    });
  });
}

/** Leaves too little of one article for an order of three pieces, and enough of every other. */
const sellOut: Record<string, string> = {
  "next_shop.sql": "update public.variants set stock_quantity = 1 where id = 2",
  "numeric_ids.sql": "update public.product set stock = 2 where id = 1",
  "uuid_in_capitals.sql": "update public.stock set available = 2 where sku = 'tea'",
  "reservations.sql": "update public.inventory set on_hand = reserved + 1 where sku = 'tea'",
};

Deno.test("stock that a checkout takes while orders are being closed is not lost", async () => {
  await withProject(nextShop, async (project) => {
    const { sql, place, free } = project;
    await connectShop(project, nextShop);
    const before = await free();
    await place("one");
    await place("two");
    let finished: Promise<unknown>;
    await sql.begin(async (checkout) => {
      await checkout`update public.variants set stock_quantity = stock_quantity - 5 where id in (1, 2)`;
      finished = sql`select lapse_shop.finish_orders(array['one', 'two'], '{}')`.execute();
      await untilSomebodyWaits(project);
    });
    await finished!;
    assert.equal(await free(), before - 10);
  });
});

Deno.test("articles are locked in the order of their keys, and after the orders", async () => {
  await withProject(nextShop, async (project) => {
    const { sql, place } = project;
    await connectShop(project, nextShop);
    await place("mixed");
    let finished: Promise<unknown>;
    await sql.begin(async (checkout) => {
      await checkout`select from public.variants where id = 1 for update`;
      finished = sql`select lapse_shop.finish_orders(array['mixed'], '{}')`.execute();
      await untilSomebodyWaits(project);
      const free = await checkout`select id::int from public.variants where id <> 1 for update skip locked`;
      assert.deepEqual(free.map(({ id }) => id), [2], "it holds an article behind the one it waits for");
      const orders = await checkout`select from public.orders where id = 'mixed' for update skip locked`;
      assert.equal(orders.length, 0, "it does not hold the order");
    });
    await finished!;
  });
});

Deno.test("an order in a state that the adapter does not name keeps its stock and is never treated as closed", async () => {
  await withProject(nextShop, async (project) => {
    const { sql, place, stripe, states, free, run } = project;
    await connectShop(project, nextShop);
    const [payment] = stripe.createPaymentIntents([{ amount: 2000, created: Math.floor(Date.now() / 1_000) - 3_500 }]);
    await place("odd", { payment });
    const before = await free();
    await sql`alter type public.order_state add value 'disputed'`;
    await sql`update public.orders set state = 'disputed' where id = 'odd'`;
    assert.equal((await sql`select from lapse.inbox where kind = 'follow'`).length, 0);
    assert.equal((await sql`select from lapse.lock_shop_orders(array['odd'], false)`).length, 0);
    await run();
    const ledger = async () => (await sql`select status from lapse.orders where ref = 'odd'`)[0]!.status;
    assert.deepEqual([await ledger(), await free()], ["pending", before]);
    assert.equal(stripe.paymentIntent({ id: payment! }).status, "canceled", "it was due");

    await sql`update public.orders set state = 'cancelled' where id = 'odd'`;
    await sql`update lapse.orders set next_check_at = now() - interval '5 minutes' where true`;
    await run();
    assert.deepEqual([await ledger(), await states(), await free()], ["expired", { odd: "closed" }, before]);
  });
});

Deno.test("the triggers record what the shop does, and not what Lapse does", async () => {
  await withProject(nextShop, async (project) => {
    const { sql, place } = project;
    await connectShop(project, nextShop);
    const noted = async () => {
      const rows =
        await sql`with read as (delete from lapse.inbox where true returning *) select kind, ref, payload from read order by id`;
      return rows.map(({ kind, ref, payload }) => [kind, ref, payload]);
    };
    await place("a", { minutesAgo: 0, payment: "pi_1" });
    const [attach, watch, ...others] = await noted();
    const { placed_at: _, ...said } = watch![2];
    assert.deepEqual([watch![0], watch![1], said], [
      "watch",
      "a",
      { unit: "major", amount: "20.00", currency: "EUR", time_to_pay: "30 minutes" },
    ]);
    assert.deepEqual([attach, others], [["attach", "a", { stripe_id: "pi_1" }], []]);

    await sql`update public.orders set total = 25 where id = 'a'`;
    await sql`update public.orders set stripe_checkout_session_id = 'cs_1' where id = 'a'`;
    await sql`update public.orders set created_at = created_at, state = state where id = 'a'`;
    assert.deepEqual((await noted()).map(([kind]) => kind), ["watch", "attach", "watch"]);

    await sql`update public.orders set state = 'paid' where id = 'a'`;
    await sql`update public.orders set state = 'shipped' where id = 'a'`;
    assert.deepEqual(await noted(), [["follow", "a", { paid: true, status: "paid" }]]);

    await place("b");
    await place("c");
    await sql`delete from public.orders where id = 'b'`;
    await sql`select lapse.finish_shop_orders(array['c'], '{}')`;
    assert.deepEqual((await noted()).filter(([kind]) => kind === "follow"), [["follow", "b", {
      paid: false,
      status: "awaiting_payment",
    }]]);
  });
});

Deno.test("a state set by one of the shop's triggers is recorded like any other", async () => {
  await withProject(nextShop, async (project) => {
    const { sql, place } = project;
    await connectShop(project, nextShop);
    await place("a");
    await sql.unsafe(`
      create function public.settle() returns trigger language plpgsql as $$ begin new.state := 'paid'; return new; end $$;
      create trigger settle before update of stripe_payment_intent_id on public.orders for each row execute function public.settle();
      update public.orders set stripe_payment_intent_id = 'pi_1' where id = 'a';
    `).simple();
    const noted = await sql`select payload from lapse.inbox where kind = 'follow'`;
    assert.deepEqual(noted.map(({ payload }) => payload), [{ paid: true, status: "paid" }]);
  });
});

Deno.test("an order that moves between two open states stays open; one that becomes an order is watched", async () => {
  const shape = shapes.find(({ file }) => file === "numeric_ids.sql") as Shape;
  await withProject(shape, async (project) => {
    const { sql, place } = project;
    await connectShop(project, shape);
    const ref = await place("a", { minutesAgo: 0 });
    const kinds = async () =>
      (await sql`select kind from lapse.inbox where ref = ${ref} order by id`).map(({ kind }) => kind);
    assert.deepEqual(await kinds(), ["watch", "watch"], "nothing is noted of a cart");
    await sql`update public."order" set status = 'paid' where key = 'a'`;
    assert.deepEqual(await kinds(), ["watch", "watch", "follow"]);
  });
});

async function refOf({ sql }: Project, key: string): Promise<string> {
  const [row] = await sql<{ ref: string }[]>`select ref from public.test_orders where key = ${key}`;
  return row!.ref;
}

async function untilSomebodyWaits({ sql }: Project): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    const [row] = await sql`
      select count(*)::int as waiting from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and query like '%finish_orders%'`;
    if (row!.waiting > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail("nobody waits for the checkout");
}
