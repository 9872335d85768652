import assert from "node:assert/strict";
import type postgres from "postgres";
import { withShop } from "../integration/support.ts";
import { assertQuiet } from "../oracle/quiet.ts";
import { isLong, lengthOf, report } from "./support/length.ts";

const DUE = lengthOf({ bounded: 5_000, long: 100_000 });
const QUIET_SECONDS = lengthOf({ bounded: 2, long: 20 });
const PER_SECOND = 50;
const ON_HAND = { tea: 1_000_000, mug: 1_000_000 };

Deno.test("a checkout at fifty orders a second beside a large backlog on the same articles: nobody waits in a circle, nothing fails", async () => {
  await withShop({}, async (shop) => {
    const { sql, stripe } = shop;
    await sql`update public.inventory set on_hand = 1000000`;
    await sql`update jobs.settings set brake_threshold = 1000000`;
    const quiet = await checkoutFor(QUIET_SECONDS, { sql, stripe });

    await placeBacklog({ sql, stripe });
    let working = true;
    const work = (async () => {
      for (let runs = 0; runs < 100; runs++) {
        const { status, backlog, error } = await shop.run();
        assert.ok(status === "succeeded" || status === "partial", `${status}: ${error}`);
        if (backlog === 0) break;
      }
    })().finally(() => working = false);
    const busy = await checkoutFor(() => working, { sql, stripe });
    await work;

    const before = median(quiet.ms);
    const p95 = percentile(busy.ms, 0.95);
    report(
      `${DUE} due orders beside ${busy.orders} checkouts (${busy.ms.length} calls): quiet median ${
        before.toFixed(1)
      } ms, ` +
        `p95 beside the job ${p95.toFixed(1)} ms (${(p95 / before).toFixed(1)} x), p95 quiet ${
          percentile(quiet.ms, 0.95).toFixed(1)
        } ms`,
    );
    assert.deepEqual([...quiet.errors, ...busy.errors], []);
    if (isLong) assert.ok(p95 <= 2 * before, `p95 is ${p95} ms, the quiet median ${before} ms`);
    const [row] = await sql`select count(*)::int as n from public.orders where status = 'expired'`;
    assert.equal(row!.n, DUE);
    await assertQuiet({ sql, stripe, onHand: ON_HAND });
  });
});

/**
 * Due orders for both articles, nine in ten without a payment: those are closed set-based, in the largest transactions the jobs make. In bulk,
 * because thousands of orders placed in one transaction leave thousands of versions of the same two inventory rows to whoever comes next.
 */
async function placeBacklog({ sql, stripe }: Backend): Promise<void> {
  await sql.begin(async (sql) => {
    await sql`
      insert into public.orders (currency, amount, created_at, expires_at, next_check_at)
      select 'eur', 2000, at, at, at from (select now() - interval '1 hour' + n * interval '1 millisecond' as at from generate_series(1, ${DUE}) n) x`;
    await sql`
      insert into public.stock_reservations (order_id, sku, quantity)
      select o.id, sku, 1 from public.orders o, unnest('{tea,mug}'::text[]) sku where o.expires_at < now()`;
    await sql`update public.inventory set reserved = reserved + ${DUE}`;
  });
  const ids = (await sql<{ id: string }[]>`
    select id from public.orders where expires_at < now() and status = 'pending' limit ${DUE / 10}`).map(({ id }) =>
    id
  );
  const intents = stripe.createPaymentIntents(ids.map((id) => ({ amount: 2000, metadata: { order_id: id } })));
  await sql`
    insert into public.order_payments (order_id, kind, stripe_id)
    select order_id, 'payment_intent', stripe_id from unnest(${ids}::uuid[], ${intents}::text[]) as p (order_id, stripe_id)`;
}

type Checkout = { orders: number; ms: number[]; errors: string[] };
type Backend = { sql: postgres.Sql; stripe: Parameters<typeof assertQuiet>[0]["stripe"] };

/** Places, attaches and pays an order every 20 ms, as a shop's backend would; times every call to the database. */
async function checkoutFor(seconds: number | (() => boolean), { sql, stripe }: Backend): Promise<Checkout> {
  const result: Checkout = { orders: 0, ms: [], errors: [] };
  const until = typeof seconds === "number" ? performance.now() + seconds * 1_000 : Infinity;
  const goesOn = () => typeof seconds === "number" ? performance.now() < until : seconds();
  const customers: Promise<void>[] = [];
  const timed = async <T>(call: PromiseLike<T>): Promise<T> => {
    const from = performance.now();
    const answer = await call;
    result.ms.push(performance.now() - from);
    return answer;
  };
  for (let next = performance.now(); goesOn(); next += 1_000 / PER_SECOND) {
    customers.push(buy().catch((error) => void result.errors.push(String(error))));
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
  }
  await Promise.all(customers);
  return result;

  async function buy(): Promise<void> {
    const pays = result.orders++ % 3 !== 0;
    const [order] = await timed(sql<{ id: string }[]>`
      select id from public.place_order(p_currency => 'eur', p_amount => 2000,
        p_items => '[{"sku": "mug", "quantity": 1}, {"sku": "tea", "quantity": 1}]')`);
    const [intent] = stripe.createPaymentIntents([{ metadata: { order_id: order!.id } }]);
    await timed(sql`
      select public.attach_payment(p_order_id => ${order!.id}, p_kind => 'payment_intent', p_stripe_id => ${intent!})`);
    if (!pays) return;
    await stripe.customer({ id: intent!, verb: "confirm_ok" });
    await timed(sql`select public.mark_order_paid(p_order_id => ${order!.id}, p_stripe_id => ${intent!})`);
  }
}

function percentile(values: number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? 0;
}

function median(values: number[]): number {
  return percentile(values, 0.5);
}
