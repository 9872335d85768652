import assert from "node:assert/strict";
import { assertAtRest } from "../oracle/at-rest.ts";
import { type Bench, ON_HAND, useBenches, withBench } from "./support/bench.ts";
import { placeInBulk } from "./support/bulk.ts";
import { lengthOf, report } from "./support/length.ts";
import { nextTick, tick } from "./support/scheduler.ts";
import { placeOrder } from "./support/shop.ts";
import { withLockedShelf, withRefusedOrder, withSlowTrigger } from "./support/shop-refusals.ts";
import type { AtStep } from "./support/wire.ts";

useBenches();

const SLOW_ORDERS = lengthOf({ bounded: 1_000, long: 5_000 });
/** As lapse.settings.max_attempts. */
const MAX_ATTEMPTS = 8;

for (const how of ["raises", "returns null"] as const) {
  Deno.test(`an order that a trigger of the shop refuses to close (${how}) delays no other order, and is quarantined after its last attempt`, async () => {
    await withBench(async (bench) => {
      const ids = await place(bench, { orders: 80, sku: "mug", intents: 1 });
      await withRefusedOrder(bench, { id: ids[41]!, how }, async () => {
        const [outcome] = await tick(bench);
        assert.deepEqual([outcome!.report?.status, outcome!.report?.ordersRetried], ["partial", 1]);
        assert.deepEqual(await standing(bench), [
          "79 expired, 0 failures",
          "1 pending settlement_refused, 1 failures",
        ]);
        await tickUntilSetAside(bench, ids[41]!);
      });
      assert.deepEqual(await standing(bench), [
        "79 expired, 0 failures",
        "1 quarantined attempts_exhausted, 8 failures",
      ]);
      await assertAtRest({ ...bench, onHand: ON_HAND });
    });
  });

  Deno.test(`an order without payments that a trigger of the shop refuses to close (${how}) delays no other orders, with or without payments`, async () => {
    await withBench(async (bench) => {
      const ids = await place(bench, { orders: 41, sku: "mug", intents: 0 });
      await place(bench, { orders: 3, sku: "tea", intents: 1 });
      await withRefusedOrder(bench, { id: ids[7]!, how }, async () => {
        const [outcome] = await tick(bench);
        assert.equal(outcome!.report?.status, "partial");
        assert.deepEqual(await standing(bench), ["43 expired, 0 failures", "1 pending settlement_refused, 1 failures"]);
        await tickUntilSetAside(bench, ids[7]!);
      });
      assert.deepEqual(await standing(bench), [
        "43 expired, 0 failures",
        "1 quarantined attempts_exhausted, 8 failures",
      ]);
      await assertAtRest({ ...bench, onHand: ON_HAND });
    });
  });
}

for (const [whose, intents] of [["with", 1], ["without", 0]] as const) {
  Deno.test(`while an article is locked for long, its orders ${whose} payments are handed back without a failed attempt`, async () => {
    await withBench(async (bench) => {
      await place(bench, { orders: 60, sku: "mug", intents });
      await withLockedShelf(bench, "mug", async () => {
        for (let ticks = 0; ticks < MAX_ATTEMPTS + 1; ticks++) {
          const outcomes = await nextTick(bench);
          assert.deepEqual(outcomes.map(({ report }) => report?.status), ["partial"], "and no continuation");
          assert.match(outcomes[0]!.report!.error!, /lock timeout/);
          assert.deepEqual(await standing(bench), ["60 pending, 0 failures"]);
        }
      });
      await nextTick(bench);
      assert.deepEqual(await standing(bench), ["60 expired, 0 failures"]);
      const [metrics] = await bench.sql`
        select payment_intents_canceled_total::int as canceled from lapse.metrics where job = 'expire-stale-orders'`;
      assert.equal(metrics!.canceled, 60 * intents, "what a run ended counts, also when it could not close the order");
      await assertAtRest({ ...bench, onHand: ON_HAND });
    });
  });
}

for (const [whose, intents] of [["with", 1], ["without", 0]] as const) {
  Deno.test(`while an article is locked for hours, orders of other articles expire as usual: those ${whose} payments`, async () => {
    await withBench(async (bench) => {
      // One waiting order is the oldest, another is in the middle.
      for (const [orders, sku] of [[1, "tea"], [5, "mug"], [1, "tea"], [5, "mug"]] as const) {
        await place(bench, { orders, sku, intents });
      }
      await withLockedShelf(bench, "tea", async () => {
        for (let ticks = 0; ticks < 3; ticks++) {
          await nextTick(bench);
          assert.deepEqual(await standing(bench), ["10 expired, 0 failures", "2 pending, 0 failures"]);
        }
      });
      await nextTick(bench);
      assert.deepEqual(await standing(bench), ["12 expired, 0 failures"]);
      await assertAtRest({ ...bench, onHand: ON_HAND });
    });
  });
}

Deno.test("orders with payments are settled while the articles of orders without payments are locked", async () => {
  await withBench(async (bench) => {
    await place(bench, { orders: 5, sku: "mug", intents: 0 });
    await placeOrder(bench, { payments: [{ intent: {} }], sku: "last" });
    await withLockedShelf(bench, "mug", async () => {
      const [outcome] = await tick(bench);
      assert.equal(outcome!.report?.status, "partial");
      assert.deepEqual(await standing(bench), ["1 expired, 0 failures", "5 pending, 0 failures"]);
    });
    await nextTick(bench);
    await assertAtRest({ ...bench, onHand: ON_HAND });
  });
});

Deno.test(`a shop trigger that takes 3 ms per order only shrinks the statements: ${SLOW_ORDERS} orders are closed`, async () => {
  await withBench(async (bench) => {
    await bench.sql`update lapse.settings set brake_threshold = 10000`;
    await placeInBulk(bench.sql, SLOW_ORDERS, bench.time.now());
    await withSlowTrigger(bench, 3, async () => {
      const statements: number[] = [];
      const timed: AtStep = async (step, take) => {
        const from = performance.now();
        const answer = await take();
        if (step.name === "lapse_close_without_payments") statements.push(performance.now() - from);
        return answer;
      };
      for (let ticks = 0; ticks < 10; ticks++) {
        const outcomes = await nextTick(bench, { always: timed });
        if (outcomes.at(-1)!.report?.backlog === 0) break;
      }
      assert.deepEqual(await standing(bench), [`${SLOW_ORDERS} expired, 0 failures`]);
      report(
        `${SLOW_ORDERS} orders at 3 ms each in ${statements.length} statements of ${
          Math.round(Math.max(...statements))
        } ms at most`,
      );
    });
    await assertAtRest({ ...bench, onHand: ON_HAND });
  });
});

Deno.test("a settlement that the API times out counts as no order's failure", async () => {
  await withBench(async (bench) => {
    await place(bench, { orders: 3, sku: "mug", intents: 1 });
    let settlements = 0;
    const cutOff: AtStep = (step, take) => {
      // The batch, and the first order alone.
      const isEarly = step.name === "lapse_settle_orders" && settlements++ < 2;
      const error = { message: "canceling statement due to statement timeout", code: "57014" };
      return isEarly ? Promise.resolve({ data: null, error, status: 500 } as never) : take();
    };
    const [outcome] = await tick(bench, { atStep: cutOff });
    assert.equal(outcome!.report?.status, "partial");
    assert.match(outcome!.report!.error!, /statement timeout/);
    assert.deepEqual(await standing(bench), ["3 pending, 0 failures"]);
    await nextTick(bench);
    assert.deepEqual(await standing(bench), ["3 expired, 0 failures"]);
    await assertAtRest({ ...bench, onHand: ON_HAND });
  });
});

/** Orders of one article, a minute apart; answers their ids. */
async function place(bench: Bench, { orders, sku, intents }: { orders: number; sku: string; intents: number }) {
  const ids: string[] = [];
  for (let n = 0; n < orders; n++) {
    const payments = Array.from({ length: intents }, () => ({ intent: {} }));
    ids.push((await placeOrder(bench, { payments, sku, placedMinutesAgo: 60 + orders - n })).id);
  }
  return ids;
}

/** How many orders have each status, why they failed, and how often. */
async function standing({ sql }: Bench): Promise<string[]> {
  const rows = await sql<{ line: string }[]>`
    select format('%s %s, %s failures', count(*), o.stands, o.failures) as line
    from (
      select case when failures > 0 then status || ' ' || reason else status end as stands, failures from lapse.orders
    ) o
    group by o.stands, o.failures order by o.stands`;
  return rows.map(({ line }) => line);
}

async function tickUntilSetAside(bench: Bench, id: string): Promise<void> {
  for (let ticks = 0; ticks < 600; ticks++) {
    await nextTick(bench);
    const [row] = await bench.sql`select status from lapse.orders where ref = ${id}`;
    if (row!.status === "quarantined") return;
  }
  throw new Error("after 600 ticks the order is not quarantined");
}
