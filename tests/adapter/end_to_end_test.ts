import assert from "node:assert/strict";
import { type Shape, shapes } from "./shapes.ts";
import { connectShop, type Project, withProject } from "./support.ts";

for (const shape of shapes) {
  Deno.test(`a generated adapter closes what is due and leaves the rest to the shop: ${shape.name}`, async () => {
    await withProject(shape, async (project) => {
      const before = await project.free();
      const old = await openOrdersFromBefore(project, shape);
      await connectShop(project, shape);
      await everyRefHasAnAnswer(project, shape, old.unpaid!);
      const [{ adopted }] = await project.sql`select lapse.adopt_orders(p_limit => 100) as adopted` as [
        { adopted: number },
      ];
      assert.equal(adopted, Object.keys(old).length);
      await noDrift(project);
      await passesTheSelfTest(project);

      const fresh = await ordersThroughTriggers(project, shape);
      assert.equal(await project.free(), before - shape.units * 9);
      await project.run();
      const states = await project.states();
      assert.deepEqual(states, {
        unpaid: "closed",
        abandoned: "closed",
        succeeded: "paid",
        fresh: "closed",
        opened: "closed",
        unnoted: "closed",
        bought: "paid",
        young: "open",
        cash: "paid",
        called_off: "closed",
      });
      for (const payment of [old.abandoned!, fresh.opened!, fresh.unnoted!]) {
        assert.equal(project.stripe.paymentIntent({ id: payment }).status, "canceled");
      }
      await stockAgrees(project, shape, before);
      await aSecondFinishChangesNothing(project);
      await project.run();
      await noDrift(project);
      const alerts = await project.sql`select key, message from lapse.alerts where resolved_at is null`;
      assert.deepEqual(alerts.map(({ key }) => key), []);
      assert.deepEqual(await project.states(), states);
    });
  });
}

type Orders = Record<string, string | undefined>;

/** Orders that were there before Lapse; each with its payment. */
async function openOrdersFromBefore({ place, stripe }: Project, { currency }: Shape): Promise<Orders> {
  const [abandoned, succeeded] = stripe.createPaymentIntents([
    { amount: 2000, currency: currency("abandoned"), created: anHourAgo() },
    { amount: 2000, currency: currency("succeeded"), created: anHourAgo(), status: "succeeded" },
  ]);
  return {
    unpaid: await place("unpaid"),
    abandoned: (await place("abandoned", { payment: abandoned }), abandoned),
    succeeded: (await place("succeeded", { payment: succeeded }), succeeded),
  };
}

async function ordersThroughTriggers({ place, stripe, sql }: Project, { currency }: Shape): Promise<Orders> {
  await place("fresh");
  await place("young", { minutesAgo: 5 });
  await place("cash", { minutesAgo: 10 });
  await place("called_off");
  const [opened, bought] = stripe.createPaymentIntents([
    { amount: 2000, currency: currency("opened"), created: anHourAgo() },
    { amount: 2000, currency: currency("bought"), created: anHourAgo(), status: "succeeded" },
  ]);
  await place("opened", { payment: opened });
  await place("bought", { payment: bought });
  // The shop does not store its payment; only Stripe's list has it.
  const ref = await place("unnoted");
  const [unnoted] = stripe.createPaymentIntents([{
    amount: 2000,
    currency: currency("unnoted"),
    created: anHourAgo(),
    metadata: { order_id: ref },
  }]);
  await sql`select public.test_close(p_key => 'cash', p_paid => true), public.test_close(p_key => 'called_off', p_paid => false)`;
  return { opened, unnoted };
}

/** Unknown refs, and those that cannot be a key, are gone; nothing raises. Only locked orders are left out. */
async function everyRefHasAnAnswer({ sql }: Project, { units }: Shape, ref: string): Promise<void> {
  const odd = ["nowhere", "17", "-1", "", "0x1F", "1e3", "99999999999999999999999", "'; --", crypto.randomUUID(), "ü"];
  const found = await sql<{ ref: string; state: string; units: number }[]>`
    select ref, state, units::int from lapse_shop.lock_orders(${[ref, ...odd]}, false)`;
  assert.deepEqual(
    Object.fromEntries(found.map((it) => [it.ref, it.state])),
    { [ref]: "open", ...Object.fromEntries(odd.map((it) => [it, "gone"])) },
  );
  assert.equal(found.find((it) => it.ref === ref)!.units, units);
  assert.equal((await sql`select from lapse_shop.open_orders(${odd})`).length, 0);
  await sql.begin(async (holder) => {
    const locked = await holder`select state from lapse_shop.lock_orders(${[ref]}, true)`;
    assert.equal(locked[0]!.state, "open");
    const left = await sql<{ ref: string }[]>`select ref from lapse_shop.lock_orders(${[ref, "nowhere"]}, false)`;
    assert.deepEqual(left.map((it) => it.ref), ["nowhere"]);
  });
}

async function passesTheSelfTest({ sql }: Project): Promise<void> {
  const findings = await sql`select name, ok, message from lapse.test_adapter()`;
  assert.ok(findings.length > 6);
  assert.deepEqual(findings.filter(({ ok }) => ok !== true), []);
}

async function noDrift({ sql }: Project): Promise<void> {
  assert.deepEqual([...await sql`select name, ref from lapse.drift()`], []);
}

/** Held: what is open, and sold: what is paid. Everything else is free again, and Lapse counted what it gave back. */
async function stockAgrees({ sql, states, free }: Project, { units }: Shape, before: number): Promise<void> {
  const taken = Object.values(await states()).filter((state) => state !== "closed").length;
  assert.equal(await free(), before - units * taken);
  const [row] = await sql`select coalesce(sum(units_released), 0)::int as units from lapse.decisions`;
  assert.equal(row!.units, units * 5);
}

async function aSecondFinishChangesNothing({ sql, states, free }: Project): Promise<void> {
  const seen = [await states(), await free()];
  await sql`
    select lapse_shop.finish_orders(array_agg(ref) filter (where state <> 'open'), array_agg(ref) filter (where state <> 'open'))
    from public.test_orders`;
  assert.deepEqual([await states(), await free()], seen);
}

function anHourAgo(): number {
  return Math.floor(Date.now() / 1_000) - 3_500;
}
