// Customers shop while the database, the functions, pg_net and Stripe are killed, cut off and slowed at random. Then all faults stop, time
// moves on until nothing is left to do, and every unit and every cent has to be accounted for.
//
//   npm run test:chaos        ten minutes
//
// LAPSE_PROOF_SEED repeats the actions and the times of the faults, but not their interleaving. LAPSE_CHAOS_SECONDS sets the duration.

import assert from "node:assert/strict";
import postgres from "postgres";
import { startDatabases } from "../../local/platform/databases.ts";
import { withConnection } from "../../local/postgres/databases.ts";
import { type Stack, startStack } from "../../local/stack/start.ts";
import { seededRandom } from "../../local/stripe-simulator/random.ts";
import { lengthOf, report } from "../faults/support/length.ts";
import { brokenAtRest } from "../oracle/at-rest.ts";
import { untoldMoney } from "../oracle/at-stripe.ts";
import { named } from "../oracle/promises.ts";
import { settleAccounts } from "./accounts.ts";
import { comeToRest } from "./aftermath.ts";
import { visit } from "./customers.ts";
import { OF_THE_DATABASE, OF_THE_FUNCTIONS, type Scene, strikeAll } from "./disasters.ts";
import { assertMet, leftOver, tellOf } from "./findings.ts";
import { startScheduler } from "./scheduler.ts";
import { AWAY, ON_HAND, type Shop } from "./shop.ts";
import { OF_STRIPE, OF_WEBHOOKS, sendEvents } from "./stripe-weather.ts";
import { createWeather, sleep } from "./weather.ts";

const SECONDS = Number(Deno.env.get("LAPSE_CHAOS_SECONDS") ?? lengthOf({ bounded: 100, long: 600 }));
const CUSTOMERS_PER_SECOND = 6;
const FUNCTIONS = ["expire-stale-orders", "cleanup-stale-payment-intents", "lapse-webhook"];
const seed = Number(Deno.env.get("LAPSE_PROOF_SEED") ?? Date.now() % 2 ** 31);

// A driver tells some losses of a connection to nobody who could catch them: what it writes to a server that is gone, and its own rollbacks.
for (const event of ["error", "unhandledrejection"] as const) {
  addEventListener(event, (it) => {
    const error = it instanceof ErrorEvent ? it.error : (it as PromiseRejectionEvent).reason;
    if (AWAY.test(error?.code ?? "") || /socket has been ended|null .reading 'write'/.test(String(error))) {
      it.preventDefault();
    }
  });
}

Deno.test(`${SECONDS} seconds of checkouts under all faults at once: every unit and every cent is accounted for`, async () => {
  report(`chaos with seed ${seed}`);
  await using databases = await startDatabases();
  await using stack = await startStack({
    databases,
    workers: false,
    users: false,
    simulator: { preset: "unlimited", seed },
  });
  const sql = postgres(stack.database.url, { max: 12, onnotice: () => {}, backoff: () => 0.1 });
  try {
    await prepare(sql, stack.database.adminUrl);
    await warmUp(stack);
    const random = (n: number) => seededRandom(seed + n);
    const weather = createWeather();
    const scene = (n: number): Scene => ({ stack, server: databases.server, sql, weather, random: random(n) });
    const until = performance.now() + SECONDS * 1_000;
    let decided = false;
    // A busy machine gets more time: what no run works on proves nothing.
    const goesOn = () => performance.now() < until + (decided ? 0 : 3 * SECONDS * 1_000);
    const { control: stripe, apiBase } = stack.simulator!;
    const shop: Shop = { sql, stripe, apiBase, weather, random: random(0), isOpen: goesOn, orders: [], errors: [] };
    const scheduler = await startScheduler(scene(1));
    stripe.setLatency({ latencyMs: [5, 60] });
    void sendEvents(scene(2));

    await Promise.all([
      sell(shop),
      (async () => {
        while (goesOn() && !decided) {
          decided = await sql`select from lapse.decisions limit 20`.then((rows) => rows.length === 20, () => false);
          await sleep(2_000);
        }
      })(),
      scheduler.tickWhile(goesOn),
      strikeAll(OF_THE_DATABASE, scene(3), { goesOn, pauseMs: 7_000 }),
      strikeAll(OF_THE_FUNCTIONS, scene(4), { goesOn, pauseMs: 4_000 }),
      strikeAll(scheduler.disasters, scene(5), { goesOn, pauseMs: 6_000 }),
      strikeAll(OF_STRIPE, scene(6), { goesOn, pauseMs: 1_500 }),
      strikeAll(OF_WEBHOOKS, scene(7), { goesOn, pauseMs: 4_000 }),
    ]);
    stripe.clearFaults();
    stripe.setLatency({ latencyMs: 0 });
    await weather.calm();
    await stripe.webhooksSettled();
    await scheduler.stop();
    for (const name of FUNCTIONS) await stack.functions.kill(name);
    report(`${shop.orders.length} orders met ${JSON.stringify(weather.counts)}`);
    const [amid] = await sql<{ runs: number; decisions: number }[]>`
      select (select count(*)::int from lapse.runs where status in ('succeeded', 'partial')) as runs,
        (select count(*)::int from lapse.decisions) as decisions`;
    report(`${amid!.runs} runs completed amid the chaos, and ${amid!.decisions} decisions were made`);

    await comeToRest(scene(8), shop.orders, async (bench) => {
      await tellOf(sql, shop);
      const { broken, said } = await settleAccounts({ sql, stripe, orders: shop.orders });
      report(`accounts: ${said}`);
      const all = [
        ...broken,
        ...await brokenAtRest({ sql, stripe, onHand: ON_HAND }),
        ...await untoldMoney({ sql, stripe }),
        ...await leftOver(bench.sql),
        ...shop.errors.map((error) => `10: the checkout saw what no fault explains: ${error}`),
        ...stripe.defects(),
      ];
      assert.deepEqual(all, [], `with seed ${seed}. ${named(all)}`);
      assert.ok(amid!.decisions > 0, `with seed ${seed} no run came to a decision amid the chaos`);
      await assertMet(sql, seed);
    });
  } finally {
    await sql.end({ timeout: 1 });
  }
});

/** Two minutes stay two minutes for the shop; a lease is short, so that the dead are buried while the chaos lasts. */
async function prepare(sql: postgres.Sql, adminUrl: string): Promise<void> {
  await sql`
    insert into public.inventory (sku, on_hand) select key, value::integer from jsonb_each_text(${sql.json(ON_HAND)})`;
  await sql`
    update lapse.settings set lease = '15 seconds', run_seconds = 10, claim_seconds = 8, start_patience = '10 seconds',
      backoff_base = '1 second', backoff_max = '1 minute', customer_action_grace = '3 seconds', invariant_interval = '0',
      payments_per_second_test = 100, webhook_payments_per_second = 50, cleanup_payments_per_second = 50,
      late_payments = 'revive_or_refund', refund_surplus = true, refunds_per_day = 100000, refunded_per_day = 1000000000`;
  // A copy made with wal_level = minimal lacks the sequences of unlogged tables until a checkpoint; a crash before it would break them.
  await withConnection(adminUrl, (admin) => admin`checkpoint`);
}

/** A project that is in use: its functions run, and REST knows the schema. */
async function warmUp({ apiUrl, secretKey, functions }: Stack): Promise<void> {
  for (const name of FUNCTIONS) {
    // On a busy machine a start may take longer than a project has patience for.
    for (let isUp = false; !isUp;) isUp = await functions.warm(name).then(() => true, () => false);
  }
  const response = await fetch(`${apiUrl}/rest/v1/lapse_metrics`, { headers: { apikey: secretKey } });
  assert.equal(response.status, 200, await response.text());
}

/** Customers come evenly, each with a journey of his own. */
async function sell(shop: Shop): Promise<void> {
  const visits: Promise<void>[] = [];
  for (let next = performance.now(); shop.isOpen(); next += 1_000 / CUSTOMERS_PER_SECOND) {
    visits.push(visit(shop).catch((error) => void shop.errors.push(`${error.code ?? ""} ${error.stack}`)));
    await sleep(next - performance.now());
  }
  await Promise.all(visits);
}
