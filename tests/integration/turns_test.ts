import assert from "node:assert/strict";
import postgres from "postgres";
import { eventually, withShop } from "./support.ts";
import { takeTurns } from "./take-turns.ts";

// Two transactions meet over one order. The locks make them take turns, and whoever is second sees what the first one decided.

Deno.test("a payment attached while a claim is being written is refused when the claim commits", async () => {
  await withShop({}, async (shop) => {
    const orderId = await shop.placeOrder();
    await shop.addIntent(orderId);
    await takeTurns(shop, {
      first: async (sql) => {
        const { fence, run } = await begin(sql);
        const claimed = await claim(sql, { run, fence });
        assert.equal(claimed.length, 1);
      },
      second: (sql) =>
        assert.rejects(
          sql`select public.attach_payment(p_order_id => ${orderId}, p_kind => 'payment_intent', p_stripe_id => 'pi_late')`,
          { code: "PT409" },
        ),
    });
    await shop.lapseClaims();
    await shop.run();
  });
});

for (const [whose, claimThem] of [["with", claim], ["without", claimWithoutPayments]] as const) {
  Deno.test(`a claim of orders ${whose} payments passes by one that somebody works on, and does not wait for it`, async () => {
    await withShop({}, async (shop) => {
      const [busy, free] = [await shop.placeOrder({ minutesAgo: 90 }), await shop.placeOrder()];
      for (const id of whose === "with" ? [busy, free] : []) await shop.addIntent(id);
      const blocker = await shop.sql.reserve();
      try {
        await blocker`begin`;
        await blocker`select from public.orders where id = ${busy} for update`;
        await shop.sql.begin(async (sql) => {
          await sql`set local statement_timeout = '2s'`;
          const claimed = await claimThem(sql, await begin(sql));
          assert.deepEqual(claimed.map(({ id }) => id), [free]);
        });
      } finally {
        await blocker`rollback`;
        blocker.release();
      }
      await shop.lapseClaims();
      await shop.run();
    });
  });
}

Deno.test("money that arrives while its order is being expired is told as a late payment", async () => {
  await withShop({ unchecked: true }, async (shop) => {
    const orderId = await shop.placeOrder();
    const stripeId = await shop.addIntent(orderId);
    const { run, fence } = await begin(shop.sql);
    await claim(shop.sql, { run, fence });
    const [payment] = await shop.sql`select id from public.order_payments`;
    const decision = {
      orderId,
      attempt: 1,
      outcome: "expired",
      reason: "all_dead",
      payments: [
        {
          paymentId: payment!.id,
          stripeId,
          state: "dead",
          outcome: "canceled",
          reason: "ended_by_run",
          evidence: { status: "canceled" },
        },
      ],
    };
    await takeTurns(shop, {
      first: async (sql) => {
        const [row] = await sql`select public.jobs_settle_orders(${run}, ${fence}, ${sql.json([decision])}) as settled`;
        assert.deepEqual(row!.settled.outcomes, { expired: 1 });
      },
      second: async (sql) => {
        const [row] = await sql`select public.mark_order_paid(${orderId}, ${stripeId}) as answer`;
        assert.equal(row!.answer, "late_payment");
      },
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
    const [stock] = await shop.sql`select reserved from public.inventory where sku = 'tea'`;
    assert.equal(stock!.reserved, 2);
  });
});

Deno.test("a checkout does not wait for a batch of the same article before the batch commits", async () => {
  await withShop({}, async (shop) => {
    await shop.placeOrder();
    const blocker = await shop.sql.reserve();
    try {
      await blocker`begin`;
      // Every batch writes here after it closed its orders, so that this one stops in its middle.
      await blocker`select from public.job_metrics for update`;
      const work = shop.sql.begin(async (sql) => {
        const { run, fence } = await begin(sql);
        await sql`set local application_name = 'batch'`;
        await sql`select public.jobs_expire_without_payments(${run}, ${fence}, 10)`;
      });
      work.catch(() => {});
      await eventually(async () => {
        const waiting = await shop.sql`
          select from pg_stat_activity where application_name = 'batch' and wait_event_type = 'Lock'`;
        return waiting.length > 0;
      }, "the batch stops in its middle");
      await shop.sql.begin(async (sql) => {
        await sql`set local lock_timeout = '2s'`;
        await sql`select public.place_order('eur', 2000, '[{"sku": "tea", "quantity": 1}]')`;
      });
      await blocker`rollback`;
      await work;
    } finally {
      await blocker`rollback`;
      blocker.release();
    }
    const [stock] = await shop.sql`select reserved from public.inventory where sku = 'tea'`;
    assert.equal(stock!.reserved, 1);
    await shop.run();
  });
});

type Sql = postgres.Sql | postgres.TransactionSql;

async function begin(sql: Sql): Promise<{ run: string; fence: number }> {
  const run = crypto.randomUUID();
  const [row] = await sql`select public.jobs_begin_run(${run}, 'expire-stale-orders', 'server') as begun`;
  assert.equal(row!.begun.answer, "running");
  return { run, fence: row!.begun.run.fence };
}

async function claim(sql: Sql, { run, fence }: { run: string; fence: number }): Promise<{ id: string }[]> {
  const [row] = await sql`select public.jobs_claim_orders(${run}, ${fence}, 10) as orders`;
  return row!.orders;
}

async function claimWithoutPayments(
  sql: Sql,
  { run, fence }: { run: string; fence: number },
): Promise<{ id: string }[]> {
  const [row] = await sql`select public.jobs_claim_without_payments(${run}, ${fence}, 10) as orders`;
  return row!.orders;
}
