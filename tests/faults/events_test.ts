// Events are hints: whichever arrive, in any order and number, every order ends as if none had arrived.

import assert from "node:assert/strict";
import { assertAtRest } from "../oracle/at-rest.ts";
import { untoldMoney } from "../oracle/at-stripe.ts";
import { assertPromises } from "../oracle/oracle.ts";
import { type Bench, ON_HAND, useBenches, withBench } from "./support/bench.ts";
import { BOUNDED, casesOf, deliveries, type EventCase, NEVER, type Plan, PLANS } from "./support/event-cases.ts";
import { HAPPENINGS, MONEY } from "./support/happenings.ts";
import { isLong, report } from "./support/length.ts";
import { nextTick, tick, tickUntilQuiet } from "./support/scheduler.ts";
import { placeOrder } from "./support/shop.ts";
import { DAY, MINUTE } from "./support/time.ts";
import type { AtStep } from "./support/wire.ts";

useBenches();

type Scene = { late: boolean; policy: string; soldOut?: boolean };

/** Few of them, from everywhere in the list. */
const sample = (cases: EventCase[], every: number) => isLong ? cases : cases.filter((_, n) => n % every === 0);
const plans = Object.entries(PLANS).filter(([name]) => isLong || BOUNDED.includes(name));

/** Plays each case in a separate order, delivers events by the plan, and returns how the orders end. */
function play(cases: EventCase[], plan: Plan, { late, policy, soldOut }: Scene): Promise<Record<string, unknown>> {
  return withBench(async (bench) => {
    const { sql } = bench;
    await sql`update lapse.settings
      set late_payments = ${policy}, refunds_per_day = 100000, refunded_per_day = 1000000000`;
    const orders: string[] = [];
    for (const _ of cases) orders.push((await placeOrder(bench, { payments: [] })).id);
    if (late) await closeAll(bench);
    if (soldOut) await sql`update public.inventory set on_hand = reserved where sku <> 'last'`;
    const onHand = soldOut ? { ...ON_HAND, tea: 0, mug: 0 } : ON_HAND;

    const told: [string, string][] = [];
    for (const [n, { tell }] of cases.entries()) told.push(await tell(bench, orders[n]!, !late));
    const chosen = (choose: Plan["before"]) => deliveries(bench, choose ? told.flatMap(([a, b]) => choose(a, b)) : []);
    await chosen(plan.before).rest();
    await assertPromises(bench);
    const meanwhile = chosen(plan.meanwhile);
    await work(bench, late, meanwhile.atStep);
    await meanwhile.rest();
    await chosen(plan.after).rest();
    await assertPromises(bench);
    // A voucher reported by an event held its order until now.
    bench.time.advance(4 * DAY);
    await work(bench, late);
    await assertAtRest({ ...bench, onHand });
    assert.deepEqual(await untoldMoney(bench), []);
    const [heard] = await sql`select count(*)::int as n from lapse.events`;
    assert.equal(heard!.n > 0, plan !== NEVER, "events were recorded");
    const ends = await Promise.all(orders.map((order) => endOf(bench, order)));
    return Object.fromEntries(cases.map(({ name }, n) => [name, ends[n]]));
  });
}

async function closeAll(bench: Bench): Promise<void> {
  await tick(bench);
  const [row] = await bench.sql`select count(*)::int as n from lapse.orders where status <> 'expired'`;
  assert.equal(row!.n, 0, "all orders are expired");
  bench.time.advance(MINUTE);
}

/** Runs until the orders are decided. The clean-up finds late money that no event reported; the other job refunds it. */
async function work(bench: Bench, late: boolean, always?: AtStep): Promise<void> {
  if (late) {
    bench.time.advance(8 * DAY);
    await tick(bench, { job: "cleanup-stale-payment-intents", always });
  }
  await nextTick(bench, { always });
  await tickUntilQuiet(bench, { withinMs: 15 * MINUTE });
}

/** The result of an order. */
async function endOf({ sql }: Bench, order: string): Promise<unknown> {
  const [row] = await sql`
    select o.status, s.status as shop,
      (select array_agg(p.state order by p.kind, p.state) from lapse.payments p where p.ref = o.ref and p.source <> 'list') as payments,
      (select array_agg(split_part(a.key, ':', 1) order by a.key) from lapse.alerts a
        where a.details ->> 'ref' = o.ref and a.resolved_at is null and a.key like '%' || o.ref) as alerts,
      (select array_agg(r.status order by r.status) from lapse.refunds r where r.ref = o.ref) as refunds
    from lapse.orders o join public.orders s on s.id::text = o.ref where o.ref = ${order}`;
  return { ...row };
}

/** Every plan ends as the one without events. */
async function assertSame(cases: EventCase[], scene: Scene): Promise<void> {
  const expected = await play(cases, NEVER, scene);
  for (const [name, plan] of plans) {
    const ends = await play(cases, plan, scene);
    const differ = Object.keys(expected).filter((it) => JSON.stringify(ends[it]) !== JSON.stringify(expected[it]));
    const told = differ.map((it) => `${it}: ${JSON.stringify(ends[it])} and not ${JSON.stringify(expected[it])}`);
    assert.deepEqual(told, [], `Events delivered ${name}:\n${told.join("\n")}`);
  }
  report(`${cases.length} pairs of events, each delivered in ${plans.length} ways, ${JSON.stringify(scene)}`);
}

Deno.test("any two events of an order, in any order and number, before, during and after runs, lead to the same result as none", async () => {
  await assertSame(sample(await casesOf(HAPPENINGS), 17), { late: false, policy: "alert" });
});

for (
  const [what, scene] of Object.entries<Scene>({
    "alerted": { late: true, policy: "alert" },
    "revived": { late: true, policy: "revive_or_alert" },
    "revived or refunded, with stock": { late: true, policy: "revive_or_refund" },
    "revived or refunded, without stock": { late: true, policy: "revive_or_refund", soldOut: true },
  })
) {
  Deno.test(`any two events of late money lead to the same result as none: ${what}`, async () => {
    await assertSame(sample(await casesOf(MONEY), 11), scene);
  });
}
