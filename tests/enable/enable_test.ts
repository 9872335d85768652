import assert from "node:assert/strict";
import { type LivingShop, UNITS, useLivingShops, withLivingShop } from "../support/living-shop.ts";
import { cli, cliJson } from "../cli/command-line.ts";

useLivingShops({ schedules: false });

const withKey = ({ stack }: LivingShop) => ({ LAPSE_URL: stack.apiUrl, LAPSE_SECRET_KEY: stack.secretKey });

Deno.test("enable adopts the orders of a running shop, and closes nothing before an operator saw a dry run and released the brake", async () => {
  await withLivingShop(async (shop) => {
    const { sql, checkout, intent, session, run, stateOf, stockOf, ledgerOf } = shop;
    const [bare, unpaid, paid, hosted, fresh, old] = await before(shop, async () => [
      await checkout(),
      await checkout(),
      await checkout(),
      await checkout(),
      await checkout({ minutesAgo: 1 }),
      await checkout({ minutesAgo: 60 * 24 * 100 }),
    ]);
    await before(shop, async () => [
      await intent(unpaid!),
      await intent(paid!, { status: "succeeded" }),
      await session(hosted!),
    ]);
    assert.equal((await sql`select from lapse.orders`).length, 0);

    const first = await cliJson(["enable"], withKey(shop));
    assert.equal(first.code, 0, JSON.stringify(first.json));
    assert.deepEqual(
      first.json.adapter.filter((it: { ok: boolean }) => it.ok !== true),
      [],
    );
    assert.equal(first.json.adopted, 6);
    assert.deepEqual(first.json.brakeOn, ["expire-stale-orders", "cleanup-stale-payment-intents"]);
    assert.equal((await ledgerOf(old!))!.reason, "older_than_list");
    assert.deepEqual(await shop.drift(), []);

    for (const job of ["expire-stale-orders", "cleanup-stale-payment-intents"]) {
      assert.equal((await run({}, job)).status, "braked");
    }
    const dry = await run({ dryRun: true });
    assert.deepEqual(dry.decisions!.map(({ ref }) => ref).sort(), [bare, unpaid, paid, hosted].sort());
    assert.deepEqual(await Promise.all([bare, unpaid, paid, hosted, fresh].map((id) => stateOf(id!))), [
      "awaiting_payment",
      "awaiting_payment",
      "awaiting_payment",
      "awaiting_payment",
      "awaiting_payment",
    ]);

    const released = await run({ releaseBrake: true, reason: "the dry run is right" });
    assert.deepEqual([released.status, released.ordersExpired, released.ordersPaid], ["succeeded", 3, 1]);
    assert.deepEqual(
      await Promise.all([bare, unpaid, paid, hosted, fresh, old].map((id) => stateOf(id!))),
      ["cancelled", "cancelled", "paid", "cancelled", "awaiting_payment", "awaiting_payment"],
    );
    assert.equal(await stockOf(), UNITS - 6);
    assert.deepEqual(await shop.drift(), []);

    // Once an operator has released it, the brake is his.
    const again = await cliJson(["enable"], withKey(shop));
    assert.deepEqual([again.code, again.json.adopted, again.json.brakeOn], [0, 0, ["cleanup-stale-payment-intents"]]);
    assert.equal((await run()).status, "succeeded");
  });
});

Deno.test("a project whose Vault was never written is connected by enable, and the schedule dispatches", async () => {
  await withLivingShop(async (shop) => {
    const { sql, stack } = shop;
    for (const name of ["lapse_functions_url", "lapse_scheduler_secret"]) {
      await sql`select lapse.set_secret(${name}, null)`;
    }
    await assert.rejects(sql`select lapse.dispatch('expire-stale-orders')`, /is missing/);
    assert.equal((await cliJson(["enable"], withKey(shop))).code, 0);
    const [row] = await sql`
      select lapse.functions_url() as url, lapse.read_secret('lapse_scheduler_secret') as secret`;
    assert.deepEqual({ ...row }, { url: `${stack.apiUrl}/functions/v1`, secret: stack.schedulerSecret });
  });
});

Deno.test("enable says in words what it did and what comes next, and disable turns both jobs off until the next enable", async () => {
  await withLivingShop(async (shop) => {
    await before(shop, async () => [await shop.checkout()]);
    const { code, stdout, stderr } = await cli(["enable"], withKey(shop));
    assert.equal(code, 0, stderr);
    assert.match(stdout, /ok +finish_orders +closed 1 open orders as expired and as paid/);
    assert.match(stdout, /1 open order adopted/);
    assert.match(stdout, /The brake is on for expire-stale-orders and cleanup-stale-payment-intents/);
    assert.match(stdout, /run expire --dry-run/);
    assert.deepEqual(await active(shop), [true, true, true, true]);

    assert.equal((await cli(["disable"], withKey(shop))).code, 0);
    assert.deepEqual(await active(shop), [false, false, true, true]);
    assert.equal((await cli(["disable"], withKey(shop))).code, 0);
    // Orders are watched as before.
    const later = await shop.checkout();
    assert.equal((await cli(["enable"], withKey(shop))).code, 0);
    assert.deepEqual(await active(shop), [true, true, true, true]);
    assert.equal((await shop.ledgerOf(later))!.status, "pending");
  });
});

Deno.test("a faulty adapter is reported and nothing is changed; enable --test only tests", async () => {
  await withLivingShop(async (shop) => {
    const { sql } = shop;
    await before(shop, async () => [await shop.checkout()]);
    const tested = await cliJson(["enable", "--test"], withKey(shop));
    assert.deepEqual([tested.code, tested.json.enabled], [0, false]);

    await sql.unsafe(`
      create or replace function lapse_shop.lock_orders(p_refs text[], p_wait boolean)
      returns table (ref text, state text, units bigint, stripe_ids text[]) language sql as $$
        select r, case o.state when 'awaiting_payment' then 'open' when 'cancelled' then 'closed' when 'paid' then 'paid' else 'gone' end,
          1::bigint, array_remove(array[o.stripe_checkout_session_id, o.stripe_payment_intent_id], null)
        from unnest(p_refs) r left join public.orders o on o.id = r
      $$`).simple();
    const { code, json } = await cliJson(["enable"], withKey(shop));
    assert.deepEqual([code, json.enabled], [1, false]);
    assert.deepEqual(
      json.adapter.filter((it: { ok: boolean }) => it.ok === false).map((it: { message: string }) => it.message),
      ["lock_orders locks nothing: it has to read the orders `for no key update`"],
    );
    assert.deepEqual(await active(shop), [false, false, true, true]);
    assert.equal((await sql`select from lapse.orders`).length, 0);
    assert.equal((await sql`select from lapse.jobs where brake_on`).length, 0);

    await sql`drop function lapse_shop.contract_version()`;
    const without = await cliJson(["enable"], withKey(shop));
    assert.equal(without.code, 1);
    assert.match(without.json.adapter[0].message, /lapse_shop.contract_version\(\) is missing/);
    await assert.rejects(sql`select public.lapse_enable()`, { code: "LP010" });
  });
});

/** What the shop did before Lapse's triggers were installed. */
async function before<T>(shop: LivingShop, work: () => Promise<T>): Promise<T> {
  const result = await work();
  await shop.sql`delete from lapse.inbox where true`;
  return result;
}

async function active({ sql }: LivingShop): Promise<boolean[]> {
  const rows = await sql<
    { active: boolean }[]
  >`select active from cron.job where jobname like 'lapse-%' order by jobname`;
  return rows.map((row) => row.active);
}
