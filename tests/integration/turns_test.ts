import assert from "node:assert/strict";
import postgres from "postgres";
import { eventually, type Shop, withShop } from "./support.ts";
import { takeTurns } from "./take-turns.ts";

// Two transactions meet over one order. The locks make them take turns, whoever is second sees what the first one decided, and where
// one of them has to give way it is Lapse.

Deno.test("a payment attached while a claim is being written is refused when the claim commits", async () => {
  await withShop({}, async (shop) => {
    const orderId = await shop.placeOrder();
    await shop.addIntent(orderId);
    await readLists(shop);
    await takeTurns(shop, {
      first: async (sql) => assert.equal((await claim(sql, await begin(sql))).length, 1),
      second: (sql) =>
        assert.rejects(sql`select public.lapse_attach_payment(p_ref => ${orderId}, p_stripe_id => 'pi_late')`, {
          code: "PT409",
        }),
    });
    await shop.lapseClaims();
    await shop.run();
  });
});

for (const [whose, claimThem] of [["with", claim], ["without", claimWithoutPayments]] as const) {
  Deno.test(`a claim of orders ${whose} payments skips a locked one and does not wait for it`, async () => {
    await withShop({}, async (shop) => {
      const [busy, free] = [await shop.placeOrder({ minutesAgo: 90 }), await shop.placeOrder()];
      for (const id of whose === "with" ? [busy, free] : []) await shop.addIntent(id);
      await readLists(shop);
      await whileHeld(shop, (sql) => sql`select from lapse.orders where ref = ${busy} for update`, async () => {
        await shop.sql.begin(async (sql) => {
          await sql`set local statement_timeout = '2s'`;
          const claimed = await claimThem(sql, await begin(sql));
          assert.deepEqual(claimed.map(({ ref }) => ref), [free]);
        });
      });
      await shop.lapseClaims();
      await shop.run();
    });
  });
}

for (const [whose, payments] of [["with a payment", 1], ["without payments", 0]] as const) {
  Deno.test(`an order ${whose} whose row the shop locks is handed back without a failed attempt, and the others close`, async () => {
    await withShop({}, async (shop) => {
      const [busy, ...free] = [
        await shop.placeOrder({ minutesAgo: 90 }),
        await shop.placeOrder(),
        await shop.placeOrder(),
      ];
      if (payments) { for (const id of [busy!, ...free]) await shop.addIntent(id); }
      await shop.sql`select lapse.fold_inbox(p_refs => null, p_limit => 100, p_now => now())`;
      const before = await shop.orderOf(busy!);
      await whileHeld(shop, (sql) => sql`select from public.orders where id = ${busy!} for update`, async () => {
        assert.equal((await shop.run()).ordersExpired, 2);
        const { status, failures, dueSince } = await shop.orderOf(busy!);
        assert.deepEqual([status, failures, dueSince], ["pending", 0, before.dueSince]);
        assert.equal(await shop.shopStatusOf(busy!), "pending");
      });
      await shop.dueNow();
      assert.equal((await shop.run()).ordersExpired, 1);
      for (const id of free) assert.equal((await shop.orderOf(id)).status, "expired");
    });
  });
}

Deno.test("money that arrives while its order is being expired is reported as a late payment", async () => {
  await withShop({ unchecked: true }, async (shop) => {
    const orderId = await shop.placeOrder();
    const stripeId = await shop.addIntent(orderId);
    await readLists(shop);
    const { run, fence } = await begin(shop.sql);
    await claim(shop.sql, { run, fence });
    await takeTurns(shop, {
      first: async (sql) => {
        assert.deepEqual(await settleExpired(sql, { run, fence, orderId, stripeId }), { expired: 1 });
      },
      second: async (sql) => {
        const [row] =
          await sql`select public.lapse_mark_paid(p_ref => ${orderId}, p_stripe_id => ${stripeId}) as answer`;
        assert.equal(row!.answer, "late_payment");
      },
    });
    assert.deepEqual(await shop.openAlerts(), [`critical late_payment:${orderId}`]);
  });
});

Deno.test("an order whose money a webhook is recording is not expired: the settlement gives way", async () => {
  await withShop({}, async (shop) => {
    const orderId = await shop.placeOrder();
    const stripeId = await shop.addIntent(orderId, { status: "succeeded" });
    await readLists(shop);
    const { run, fence } = await begin(shop.sql);
    await claim(shop.sql, { run, fence });
    await shop.sql.begin(async (webhook) => {
      await webhook`select public.lapse_mark_paid(p_ref => ${orderId}, p_stripe_id => ${stripeId})`;
      assert.deepEqual((await settleExpired(shop.sql, { run, fence, orderId, stripeId })).expired ?? 0, 0);
    });
    assert.deepEqual([(await shop.orderOf(orderId)).status, await shop.shopStatusOf(orderId)], ["paid", "paid"]);
    await shop.sql`select public.lapse_finish_run(${run}, 'succeeded', null, 0, 0)`;
  });
});

Deno.test("a run that settles an order and the shop that closes it do not deadlock", async () => {
  await withShop({}, async (shop) => {
    const orderId = await shop.placeOrder();
    await shop.addIntent(orderId);
    // The run stops in the middle of its settlement: it holds the shop's row, and waits for the counters.
    let run: Promise<unknown> | undefined, close: Promise<unknown> | undefined;
    await whileHeld(shop, (sql) => sql`select from lapse.metrics for update`, async () => {
      run = shop.run();
      run.catch(() => {});
      await eventually(() => waiting(shop, 1), "the run waits");
      let isClosed = false;
      close = shop.close(orderId, "paid").then(() => isClosed = true);
      close.catch(() => {});
      // A run that has given way already leaves nothing to wait for.
      await eventually(async () => isClosed || await waiting(shop, 2), "the shop waits for the run, or has closed");
    });
    await close;
    await run;
    await shop.dueNow();
    await shop.run();
    // Whoever was first: Lapse gives way after a moment.
    assert.equal((await shop.orderOf(orderId)).status, await shop.shopStatusOf(orderId));
    const [row] = await shop
      .sql`select deadlocks::int from pg_catalog.pg_stat_database where datname = current_database()`;
    assert.equal(row!.deadlocks, 0);
  });
});

Deno.test("a checkout does not wait for a batch of the same article before the batch is about to commit", async () => {
  for (const payments of [0, 1]) {
    await withShop({}, async (shop) => {
      const orderId = await shop.placeOrder();
      if (payments) await shop.addIntent(orderId);
      let run: Promise<unknown> | undefined;
      // Every batch writes its counters before it touches an article.
      await whileHeld(shop, (sql) => sql`select from lapse.metrics for update`, async () => {
        run = shop.run();
        run.catch(() => {});
        await eventually(() => waiting(shop, 1), "the batch stops in its middle");
        await shop.sql.begin(async (sql) => {
          await sql`set local lock_timeout = '2s'`;
          await sql`select public.place_order('eur', 2000, '[{"sku": "tea", "quantity": 1}]')`;
        });
      });
      await run;
      assert.equal((await shop.orderOf(orderId)).status, "expired");
      assert.equal((await shop.stockOf()).reserved, 1);
    });
  }
});

Deno.test("an order that waits for one article does not hold the next one", async () => {
  await withShop({}, async (shop) => {
    const orderId = await shop.placeOrder({ items: [{ sku: "tea", quantity: 1 }, { sku: "mug", quantity: 1 }] });
    const stripeId = await shop.addIntent(orderId);
    await takeTurns(shop, {
      first: (sql) => lockStock(sql, "mug"),
      second: (sql) => sql`select public.lapse_mark_paid(p_ref => ${orderId}, p_stripe_id => ${stripeId})`,
      then: (sql) => lockStock(sql, "tea"),
    });
  });
});

Deno.test("the same order placed twice at the same moment is one order, and both callers get it", async () => {
  await withShop({}, async (shop) => {
    const id = crypto.randomUUID();
    const place = async (sql: postgres.Sql) => {
      const [row] = await sql`
        select id from public.place_order('eur', 2000, '[{"sku": "tea", "quantity": 2}]', p_order_id => ${id})`;
      assert.equal(row!.id, id);
    };
    await takeTurns(shop, { first: place, second: place });
    assert.equal((await shop.stockOf()).reserved, 2);
  });
});

type Sql = postgres.Sql | postgres.TransactionSql;
type Lease = { run: string; fence: number };

/** A run that found nothing due has read Stripe's lists up to now, less a minute. */
async function readLists(shop: Shop): Promise<void> {
  await shop.sql`select lapse.fold_inbox(p_refs => null, p_limit => 100, p_now => now())`;
  await shop.sql`
    insert into lapse.list_cursors (account, livemode, list, read_from, read_to, proven_at)
    select '', false, list, now() - interval '1 day', now() - interval '1 minute', now()
    from unnest('{payment_intents,checkout_sessions}'::text[]) list
    on conflict (account, livemode, list) do update set read_to = excluded.read_to`;
}

async function begin(sql: Sql): Promise<Lease> {
  const run = crypto.randomUUID();
  const [row] = await sql`
    select lapse.begin_run(p_run_id => ${run}, p_job => 'expire-stale-orders', p_trigger => 'server', p_requested_by => 'test',
      p_reason => null, p_dry_run => false, p_limit => null, p_release_brake => false) as begun`;
  assert.equal(row!.begun.answer, "running");
  const { fence } = row!.begun.run;
  await sql`select lapse.list_windows(p_run_id => ${run}, p_fence => ${fence}, p_livemode => false)`;
  return { run, fence };
}

async function claim(sql: Sql, { run, fence }: Lease): Promise<{ ref: string }[]> {
  const [row] = await sql`select lapse.claim_orders(p_run_id => ${run}, p_fence => ${fence}, p_limit => 10) as orders`;
  return row!.orders;
}

async function claimWithoutPayments(sql: Sql, { run, fence }: Lease): Promise<{ ref: string }[]> {
  const [row] = await sql`
    select lapse.claim_without_payments(p_run_id => ${run}, p_fence => ${fence}, p_limit => 10) as orders`;
  return row!.orders;
}

/** Settles that the order's only payment was cancelled. */
async function settleExpired(
  sql: Sql,
  { run, fence, orderId, stripeId }: Lease & { orderId: string; stripeId: string },
): Promise<Record<string, number>> {
  const decision = {
    ref: orderId,
    attempt: 1,
    outcome: "expired",
    reason: "all_dead",
    nextCheckAt: null,
    payments: [
      { stripeId, state: "dead", outcome: "canceled", reason: "ended_by_run", evidence: { status: "canceled" } },
    ],
  };
  const [row] = await sql`
    select lapse.settle_orders(p_run_id => ${run}, p_fence => ${fence}, p_decisions => ${
    sql.json([decision])
  }) as settled`;
  return row!.settled.outcomes;
}

async function whileHeld(
  { stack }: Shop,
  lock: (sql: postgres.Sql) => Promise<unknown>,
  work: () => Promise<void>,
): Promise<void> {
  const holder = postgres(stack.database.url, { max: 1, onnotice: () => {} });
  try {
    await holder.begin(async (sql) => {
      await lock(sql as unknown as postgres.Sql);
      await work();
    });
  } finally {
    await holder.end({ timeout: 1 });
  }
}

async function waiting({ sql }: Shop, sessions: number): Promise<boolean> {
  const rows = await sql`
    select from pg_catalog.pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  return rows.length >= sessions;
}

async function lockStock(sql: postgres.Sql, sku: string): Promise<void> {
  await sql`set local lock_timeout = '2s'`;
  await sql`select from public.inventory where sku = ${sku} for update`;
}
