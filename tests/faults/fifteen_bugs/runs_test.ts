// The bugs by which the job stood still or worked twice. The numbers are those of the research.

import assert from "node:assert/strict";
import { type Bench, leaseShorterThanTheRun } from "../support/bench.ts";
import { tick, tickUntilQuiet, watch } from "../support/scheduler.ts";
import { placeOrder, statusOf } from "../support/shop.ts";
import { HOUR, MINUTE } from "../support/time.ts";
import { onBench } from "./bug.ts";

Deno.test(
  "bug 9, a poison order loops for ever or takes its batch along: the others go on, and it is quarantined",
  onBench(async (bench) => {
    const poison = [];
    for (let n = 0; n < 100; n++) {
      poison.push(
        await placeOrder(bench, { payments: [{ intent: {} }], placedMinutesAgo: 90 }),
      );
    }
    const good = await placeOrder(bench, { payments: [{ intent: {} }] });
    for (const { payments: [intent] } of poison) {
      bench.stripe.addFault({ kind: "error_503", endpoint: "payment_intents.cancel", objectId: intent! });
    }
    await bench.sql`update lapse.settings set max_attempts = 3, backoff_max = interval '2 minutes'`;
    await tick(bench);
    assert.equal(await statusOf(bench, good.id), "expired");
    const backedOff = await bench
      .sql`select status, failures from lapse.orders where ref <> ${good.id} and next_check_at > ${bench.time.now()}`;
    assert.deepEqual([backedOff.length, ...new Set(backedOff.map(({ status, failures }) => `${status} ${failures}`))], [
      100,
      "pending 1",
    ]);
    await tickUntilQuiet(bench, { withinMs: HOUR, most: 300 });
    const [row] = await bench.sql`select count(*)::int as n from lapse.orders where status = 'quarantined'`;
    assert.equal(row!.n, 100);
  }),
);

/** What becomes of the requests that each tick queues, while pg_cron calls every tick a success. */
const SILENCES: { what: string; send: (bench: Bench) => Promise<unknown>; alerts: Record<string, number> }[] = [
  {
    what: "each request gets lost on its way",
    send: (bench) => tick(bench, { delivery: () => "never" }),
    // Three runs in a row that never began. That no run completes then is the same incident.
    alerts: { "failing:expire-stale-orders": 18 },
  },
  {
    what: "pg_net's worker stands still",
    send: dispatch,
    alerts: { "failing:expire-stale-orders": 18 },
  },
  {
    what: "the function answers with 401",
    send: async (bench) => {
      await dispatch(bench);
      await bench.sql`
        with taken as (delete from net.http_request_queue returning id)
        insert into net._http_response (id, status_code, timed_out, created)
        select id, 401, false, ${bench.time.now()} from taken`;
    },
    // The first refusal is a warning in the same minute; it is critical once the job is late.
    alerts: { "failing:expire-stale-orders": 18, "dispatch_refused:expire-stale-orders": 20 },
  },
];

for (const { what, send, alerts } of SILENCES) {
  Deno.test(
    `bug 10, the scheduler dies without a word: when ${what}, the watch says so in its time, within two intervals if it is asked to`,
    onBench(async (bench) => {
      assert.deepEqual(await heardWithin(bench, 21, send), alerts);
      await recover(bench);

      await bench.sql`update lapse.settings set alert_after = 1`;
      const heard = await heardWithin(bench, 11, send);
      assert.ok(Math.min(...Object.values(heard)) <= 2 * 5, JSON.stringify(heard));
      await recover(bench);
    }),
  );
}

Deno.test(
  "bug 10, the scheduler dies without a word: when pg_cron stands still, and the watch with it, lapse-health tells an outside monitor",
  onBench(async (bench) => {
    const health = async () => {
      const [row] = await bench.sql<{ reasons: string[] }[]>`
        select lapse.health(${bench.time.now()}) -> 'reasons' as reasons`;
      return row!.reasons.sort();
    };
    await begin(bench);
    assert.deepEqual(await health(), []);
    bench.time.advance(4 * MINUTE);
    assert.deepEqual(await health(), ["watch_silent"]);
    bench.time.advance(16 * MINUTE);
    assert.deepEqual(await health(), ["no_completed_run", "watch_silent"]);
    await watch(bench);
    await tick(bench);
    assert.deepEqual(await health(), []);
  }),
);

/** The watch misses nothing from before this moment: a run that succeeds. */
async function begin(bench: Bench): Promise<void> {
  // An update that leaves the time as it was counts as a change made now, in the database's own time.
  await bench
    .sql`update lapse.schedules set changed_at = ${bench.time.now()}::timestamptz - random() * interval '1 second'`;
  await tick(bench);
  await watch(bench);
}

/** Ticks and watches from a run that succeeded on: after how many minutes each alert about the job was opened. */
async function heardWithin(
  bench: Bench,
  minutes: number,
  send: (bench: Bench) => Promise<unknown>,
): Promise<Record<string, number>> {
  await begin(bench);
  const heard: Record<string, number> = {};
  for (let minute = 1; minute <= minutes; minute++) {
    bench.time.advance(MINUTE);
    if (minute % 5 === 0) await send(bench);
    await watch(bench);
    const rows = await bench.sql<{ key: string }[]>`
      select key from lapse.alerts where job = 'expire-stale-orders' and severity = 'critical' and resolved_at is null`;
    for (const { key } of rows) heard[key] ??= minute;
  }
  const statuses = await bench.sql`select distinct status from lapse.runs where created_at < ${new Date(
    bench.time.now().getTime() - 5 * MINUTE,
  )}`;
  assert.deepEqual(statuses.map(({ status }) => status).sort(), ["lost", "succeeded"]);
  return heard;
}

/** The next tick arrives together with earlier queued requests: all alerts close. */
async function recover(bench: Bench): Promise<void> {
  bench.time.advance(5 * MINUTE);
  await tick(bench);
  bench.time.advance(5 * MINUTE);
  await watch(bench);
  const open = await bench.sql<{ key: string }[]>`select key from lapse.alerts where resolved_at is null`;
  assert.deepEqual(open.map(({ key }) => key), []);
}

async function dispatch({ sql, time }: Bench): Promise<void> {
  await sql`select lapse.dispatch(p_job => 'expire-stale-orders', p_now => ${time.now()})`;
}

Deno.test(
  "bug 11, the lease ends while the work goes on: the second owner decides, the first one is fenced off",
  onBench(async (bench) => {
    await leaseShorterThanTheRun(bench, "15 seconds");
    const { id } = await placeOrder(bench, { payments: [{ intent: {} }] });
    const slow = await bench.run({
      atStep: async (step, take) => {
        if (step.name !== "lapse_settle_orders") return await take();
        bench.time.advance(MINUTE);
        await bench.run();
        assert.equal(await statusOf(bench, id), "expired");
        return await take();
      },
    });
    assert.deepEqual([slow.report!.status, slow.report!.ordersExpired], ["lost", 0]);
    await placeOrder(bench, { payments: [{ intent: {} }] });
    await bench.run({ atStep: (step, take, { die }) => step.name === "lapse_claim_orders" ? die() : take() });
    assert.equal((await bench.run()).report!.status, "skipped", "as long as the dead one's lease lasts");
    bench.time.advance(MINUTE);
    assert.equal((await bench.run()).report!.status, "succeeded");
  }),
);
