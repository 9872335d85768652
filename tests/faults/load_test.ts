import assert from "node:assert/strict";
import { withConnection } from "../../local/postgres/databases.ts";
import { type Shop, withShop } from "../integration/support.ts";
import { assertAtRest } from "../oracle/at-rest.ts";
import { compare, openCheckout } from "./support/checkout.ts";
import { assertNoDeadlocks } from "./support/deadlocks.ts";
import { placeInBulk } from "./support/bulk.ts";
import { isLong, lengthOf, report } from "./support/length.ts";

const WITHOUT_PAYMENTS = lengthOf({ bounded: 5_000, long: 100_000 });
const WITH_INTENTS = lengthOf({ bounded: 40, long: 400 });
const QUIET_MS = lengthOf({ bounded: 2_000, long: 20_000 });
const PER_SECOND = 50;
const ON_HAND = { tea: 1_000_000, mug: 1_000_000 };
/**
 * The goal: over the whole backlog no checkout call is slower, at the 95th percentile, than twice its quiet median. Each part of the backlog
 * by itself may miss it, as the first part is a few seconds of nothing but writing: there the machine's share is measured with a writer of
 * other rows, and this is the most that is let pass on that account.
 */
const GOAL = 2;
const MOST = 8;

Deno.test("fifty checkouts a second beside a large backlog of the same articles: no deadlock, no failure", async () => {
  await withShop({ paced: true }, async (shop) => {
    const { sql, stripe, stack } = shop;
    await sql`update public.inventory set on_hand = 1000000`;
    await sql`update lapse.settings set brake_threshold = 1000000`;
    const order = {
      databaseUrl: stack.database.url,
      controlUrl: stack.simulator!.controlUrl,
      perSecond: PER_SECOND,
    };
    const beside = async (work: () => Promise<unknown>) => {
      const checkout = await openCheckout(order);
      await work();
      return await checkout.close();
    };

    if (isLong) await writeAsMuchBefore(shop);
    const quiet = await beside(() => new Promise((resolve) => setTimeout(resolve, QUIET_MS)));
    // The two phases of a run, measured separately, so that the longer one does not hide the slower one.
    const results = [];
    for (const { kind, place } of backlogs(shop)) {
      await place();
      const busy = await beside(() => workOff(shop));
      results.push({ kind, busy, slowness: compare(quiet, busy) });
    }

    const whole = {
      kind: "the whole backlog",
      slowness: compare(quiet, { ...quiet, calls: results.flatMap(({ busy }) => busy.calls) }),
    };
    for (const { kind, slowness } of [...results, whole]) {
      report(`checkouts beside ${kind}`);
      for (const { call, calls, quietMedian, quietP95, busyP95 } of slowness) {
        report(
          `  ${call}, ${calls} calls: quiet median ${ms(quietMedian)}, quiet p95 ${ms(quietP95)}, p95 beside the job ${
            ms(busyP95)
          }, ${(busyP95 / quietMedian).toFixed(1)} x`,
        );
      }
    }
    assert.deepEqual([quiet, ...results.map(({ busy }) => busy)].flatMap(({ errors }) => errors), []);
    const [row] = await sql`select count(*)::int as n from public.orders where status = 'expired'`;
    assert.equal(row!.n, WITHOUT_PAYMENTS + WITH_INTENTS);
    if (isLong) {
      const control = compare(quiet, await beside(() => writeElsewhere(shop)));
      for (const { call, busyP95, quietMedian } of control) {
        report(`beside a writer of other rows, ${call}: p95 ${ms(busyP95)}, ${(busyP95 / quietMedian).toFixed(1)} x`);
      }
      assert.deepEqual(
        whole.slowness.filter(({ busyP95, quietMedian }) => busyP95 > GOAL * quietMedian).map(({ call }) => call),
        [],
        "slower than twice the quiet median",
      );
      const slow = results.flatMap(({ slowness }) => slowness).filter(({ call, busyP95, quietMedian }) => {
        const unavoidable = control.find((it) => it.call === call)!.busyP95;
        return busyP95 > Math.min(Math.max(GOAL * quietMedian, 1.5 * unavoidable), MOST * quietMedian);
      });
      assert.deepEqual(
        slow.map(({ call }) => call),
        [],
        "slower than twice the quiet median, and than beside any writer",
      );
      // A run that ran out of time requested a continuation, which is not delivered here; the watch ends it.
      await sql`call lapse.watch(now() + interval '10 minutes')`;
    }
    await assertAtRest({ sql, stripe, onHand: ON_HAND });
    await assertNoDeadlocks(shop);
  });
});

function backlogs(shop: Shop) {
  return [
    {
      kind: `${WITHOUT_PAYMENTS} due orders without payments`,
      place: () => placeInBulk(shop.sql, WITHOUT_PAYMENTS),
    },
    {
      kind: `${WITH_INTENTS} due orders with one intent each`,
      place: () => shop.placeUnpaidOrders(WITH_INTENTS),
    },
  ];
}

/** As many bytes as a backlog leaves, and no row that a checkout wants: what is slow beside this is slow for the machine's sake. */
async function writeElsewhere({ sql }: Shop): Promise<void> {
  await sql`create table public.elsewhere (id uuid, text text)`;
  for (let batch = 0; batch < 8; batch++) {
    await sql`insert into public.elsewhere select gen_random_uuid(), repeat('x', 200) from generate_series(1, 150000)`;
  }
  await sql`drop table public.elsewhere`;
}

/**
 * A server that has been up for a while writes its log into files that it has; a new one stops everybody each time it makes one. The
 * checkpoints let it keep the files.
 */
async function writeAsMuchBefore(shop: Shop): Promise<void> {
  for (let round = 0; round < 2; round++) {
    await writeElsewhere(shop);
    await withConnection(shop.stack.database.adminUrl, (admin) => admin`checkpoint`);
  }
}

async function workOff(shop: Shop): Promise<void> {
  for (let runs = 0; runs < 100; runs++) {
    const { status, backlog, error } = await shop.run();
    assert.ok(status === "succeeded" || status === "partial", `${status}: ${error}`);
    if (backlog === 0) return;
  }
  throw new Error("a hundred runs did not work off the backlog");
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}
