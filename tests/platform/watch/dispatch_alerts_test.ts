import assert from "node:assert/strict";
import type postgres from "postgres";
import { type Databases, startDatabases } from "../../../local/platform/databases.ts";
import { startSilence, type WatchedStack, withWatchedStack } from "./watched-stack.ts";
import { NOBODY } from "../../support/nobody.ts";

let databases: Databases;
Deno.test.beforeAll(async () => {
  databases = await startDatabases();
});
Deno.test.afterAll(() => databases.stop());

const refused = "dispatch_refused:expire-stale-orders";
const failing = "failing:expire-stale-orders";

/** Real reasons for which no run begins, with the answer that pg_net gets. */
type Step = (it: WatchedStack) => Promise<unknown>;
const refusals: { what: string; break: Step; repair: Step; answer: RegExp }[] = [
  {
    what: "a secret that the function does not know",
    break: ({ sql }) =>
      sql`select lapse.set_secret('lapse_scheduler_secret', 'another secret of thirty-two characters')`,
    repair: ({ sql, stack }) => sql`select lapse.set_secret('lapse_scheduler_secret', ${stack.schedulerSecret})`,
    answer: /status 401/,
  },
  {
    what: "a function that was never deployed",
    break: ({ sql, stack }) => sql`select lapse.set_functions_url(${`${stack.apiUrl}/functions/v2`})`,
    repair: setFunctionsUrl,
    answer: /status 404/,
  },
  {
    what: "a function host that is down",
    break: ({ sql }) => sql`select lapse.set_functions_url(${`http://${NOBODY}`})`,
    repair: setFunctionsUrl,
    answer: /Could not connect to server/,
  },
  {
    what: "a function that breaks",
    break: ({ sql }) => sql`alter function public.lapse_begin_run rename to lapse_begin_run_elsewhere`,
    repair: ({ sql }) => sql`alter function public.lapse_begin_run_elsewhere rename to lapse_begin_run`,
    answer: /status 500/,
  },
];

for (const refusal of refusals) {
  Deno.test(`a refused dispatch raises L004, and the next accepted one closes it: ${refusal.what}`, async () => {
    await withWatchedStack(databases, async (it) => {
      const { tick, rest, watch, alert, runs } = it;
      await tick();
      await rest();
      assert.deepEqual(await watch(), []);
      await refusal.break(it);
      await tick();
      assert.ok((await watch()).includes(refused));
      const { code, severity, cause } = await alert(refused);
      assert.deepEqual([code, severity], ["L004", "warning"]);
      assert.match(cause, refusal.answer);
      await watch(125);
      const lost = (await runs()).at(-1)!;
      assert.equal(lost.status, "lost");
      assert.match(lost.error, refusal.answer);

      await refusal.repair(it);
      await tick();
      await rest();
      assert.deepEqual(await watch(), []);
    });
  });
}

Deno.test("a late answer raises no alert if its run began", async () => {
  await withWatchedStack(databases, async ({ tick, watch, runs, rest }) => {
    await tick();
    await rest();
    assert.deepEqual(await watch(), []);
    const [{ status, response_status, response_error }] = await runs() as [postgres.Row];
    assert.deepEqual([status, response_status], ["succeeded", null]);
    assert.match(response_error, /Timeout of 5000 ms reached/);
  }, { faults: () => ({ delayMs: 6_000 }) });
});

Deno.test("a lost request leaves one lost run, and the next tick does its work", async () => {
  let sent = 0;
  await withWatchedStack(databases, async ({ sql, tick, watch, alert, runs, rest }) => {
    await sql`update lapse.settings set alert_after = 1`;
    await placeOrders(sql, 20);
    await tick();
    assert.deepEqual(await watch(121), [failing]);
    assert.match(
      (await alert(failing)).details.errors[0],
      /^lost: Never started; its request was answered with nothing$/,
    );
    await tick();
    await rest();
    assert.deepEqual((await runs()).map(({ status }) => status), ["lost", "succeeded"]);
    assert.deepEqual(await watch(), []);
    await assertAllExpired(sql);
  }, { faults: () => sent++ === 0 ? "lose" : undefined });
});

Deno.test("a request that is delivered twice is one run", async () => {
  await withWatchedStack(databases, async ({ sql, tick, watch, runs, rest }) => {
    await placeOrders(sql, 20);
    await tick();
    await rest();
    assert.deepEqual((await runs()).map(({ status, orders_expired }) => [status, Number(orders_expired)]), [[
      "succeeded",
      20,
    ]]);
    assert.deepEqual(await watch(), []);
    await assertAllExpired(sql);
  }, { faults: () => "repeat" });
});

Deno.test("a worker killed during its run leaves a lost run, and its orders are finished later", async () => {
  const silence = startSilence();
  try {
    await withWatchedStack(databases, async ({ stack, sql, tick, rest, watch, alert, runs }) => {
      await sql`update lapse.settings set alert_after = 1`;
      await placeOrders(sql, 1);
      await sql`select lapse.attach_payment(id::text, 'pi_1') from public.orders`;
      await tick();
      await silence.asked;
      await stack.functions.kill("expire-stale-orders");
      assert.deepEqual(await watch(60), [], "its lease may still be alive");
      assert.deepEqual(await watch(125), [failing]);
      assert.match((await alert(failing)).details.errors[0], /^lost: Its lease ran out/);
      await tick();
      await rest();
      assert.deepEqual((await runs()).map(({ status }) => status), ["lost", "succeeded"]);
      assert.deepEqual(await watch(), []);
      const [order] = await sql`select status, next_check_at < now() + interval '3 minutes' as soon from lapse.orders`;
      assert.equal(order!.soon, true, order!.status);
    }, { stripeApiBase: silence.url });
  } finally {
    await silence.close();
  }
});

Deno.test("while a run works, another request of the project is delivered at once", async () => {
  const silence = startSilence();
  const delivered = Promise.withResolvers<void>();
  const other = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
    delivered.resolve();
    return new Response();
  });
  try {
    await withWatchedStack(databases, async ({ sql, tick, runs }) => {
      await placeOrders(sql, 1);
      await sql`select lapse.attach_payment(id::text, 'pi_1') from public.orders`;
      await tick();
      await silence.asked;
      await sql`select net.http_get(${`http://127.0.0.1:${other.addr.port}/`})`;
      await delivered.promise;
      assert.deepEqual((await runs()).map(({ status }) => status), ["running"]);
    }, { stripeApiBase: silence.url });
  } finally {
    await silence.close();
    await other.shutdown();
  }
});

function setFunctionsUrl({ sql, stack }: WatchedStack): Promise<unknown> {
  return sql`select lapse.set_functions_url(${`${stack.apiUrl}/functions/v1`})`;
}

/** Orders without payments, overdue for a minute. */
async function placeOrders(sql: WatchedStack["sql"], count: number): Promise<void> {
  await sql`insert into public.inventory (sku, on_hand) values ('mug', 1000)`;
  await sql`
    select public.place_order('eur', 100, '[{"sku": "mug", "quantity": 1}]', p_expires_at => now() - interval '3 minutes')
    from generate_series(1, ${count})`;
}

async function assertAllExpired(sql: WatchedStack["sql"]): Promise<void> {
  assert.deepEqual([...await sql`select distinct status from public.orders`], [{ status: "expired" }]);
  assert.deepEqual([...await sql`select reserved, on_hand from public.inventory`], [{ reserved: 0, on_hand: 1000 }]);
  assert.equal((await sql`select from lapse.drift()`).length, 0);
  assert.equal((await sql`select from lapse.miscounted_runs('-infinity')`).length, 0);
}
