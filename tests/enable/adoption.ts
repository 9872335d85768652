// A living shop is taken over: many open orders from before, while its customers place, pay and cancel orders.

import postgres from "postgres";
import type { Database } from "../../local/postgres/databases.ts";

export type Adoption = {
  adopted: number;
  batches: number;
  seconds: number;
  /** How long the shop's writes took beside it, in milliseconds, the slowest last. */
  writes: number[];
  /** What the shop was refused. */
  failures: string[];
};

type Options = { orders: number; perSecond: number; batch?: number; seconds?: number };

/** Fills the shop with orders from before Lapse: one in ten older than Stripe's lists are read, every second with a payment. */
export async function fillShop(sql: postgres.Sql, orders: number): Promise<void> {
  await sql.begin(async (sql) => {
    await sql`insert into public.variants (title, stock_quantity) select 'variant ' || n, 1000000 from generate_series(1, 200) n`;
    await sql`
      insert into public.orders (id, total, currency, created_at, stripe_checkout_session_id, stripe_payment_intent_id)
      select 'before-' || n, 12.50, 'EUR', now() - n % 1000 * interval '144 minutes',
        case when n % 2 = 0 then 'cs_test_' || n end, case when n % 4 = 0 then 'pi_' || n end
      from generate_series(1, ${orders}) n`;
    await sql`
      insert into public.order_items (order_id, variant_id, quantity)
      select 'before-' || n, 1 + (n + k * 7) % 200, 1 from generate_series(1, ${orders}) n, generate_series(0, 1) k`;
    await sql`delete from lapse.inbox where true`;
  });
  await sql`analyze public.orders`;
  await sql`analyze public.order_items`;
}

/** Takes the shop over, batch by batch as `lapse enable` does, beside this many checkouts a second, and for at least these seconds. */
export async function adoptBeside(
  { url }: Pick<Database, "url">,
  { orders, perSecond, batch = 500, seconds = 0 }: Options,
): Promise<Adoption> {
  const shop = postgres(url, { max: 12, onnotice: () => {} });
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  const writes: number[] = [];
  const failures: string[] = [];
  let over = false;
  const write = async (work: () => Promise<unknown>) => {
    const begun = performance.now();
    await work().catch((error) => failures.push(`${error.code}: ${error.message}`));
    writes.push(performance.now() - begun);
  };
  const customer = async (n: number) => {
    const id = `during-${n}`;
    await write(() =>
      shop`select public.checkout(${id}, 12.50, 'EUR', ${
        shop.json([{ variant: 1 + n % 200, quantity: 1 }, { variant: 1 + n * 7 % 200, quantity: 1 }])
      })`
    );
    await write(() => shop`update public.orders set stripe_payment_intent_id = ${`pi_during_${n}`} where id = ${id}`);
    // Some pay, and some of those who came before pay or cancel just now.
    if (n % 3 === 0) await write(() => shop`select public.payment_succeeded(${id}, null)`);
    const other = `before-${1 + n * 7919 % orders}`;
    if (n % 3 === 1) await write(() => shop`select public.payment_succeeded(${other}, null)`);
    if (n % 3 === 2) {
      await write(() =>
        shop`update public.orders set state = 'cancelled' where id = ${other} and state = 'awaiting_payment'`
      );
    }
  };
  const customers: Promise<void>[] = [];
  const coming = (async () => {
    const begun = performance.now();
    for (let n = 0; !over; n++) {
      customers.push(customer(n));
      await new Promise((resolve) =>
        setTimeout(resolve, Math.max(0, begun + (n + 1) * 1_000 / perSecond - performance.now()))
      );
    }
  })();

  try {
    const begun = performance.now();
    let [adopted, batches] = [0, 0];
    for (;;) {
      const [row] = await sql<{ taken: number }[]>`select public.lapse_adopt_orders(${batch}) as taken`;
      adopted += row!.taken;
      batches++;
      if (row!.taken === 0 && performance.now() - begun >= seconds * 1_000) break;
    }
    const took = (performance.now() - begun) / 1_000;
    over = true;
    await coming;
    await Promise.all(customers);
    return { adopted, batches, seconds: took, writes: writes.sort((a, b) => a - b), failures };
  } finally {
    over = true;
    await Promise.all([shop.end({ timeout: 5 }), sql.end({ timeout: 5 })]);
  }
}

/** Folds what the shop's triggers noted, takes over what is left, and answers where shop and ledger disagree. */
export async function settleAndCompare(sql: postgres.Sql): Promise<string[]> {
  while ((await sql<{ n: number }[]>`select lapse.fold_inbox() as n`)[0]!.n > 0);
  while ((await sql<{ n: number }[]>`select lapse.adopt_orders() as n`)[0]!.n > 0);
  const rows = await sql<{ line: string }[]>`select name || ' ' || ref as line from lapse.drift() order by 1`;
  return rows.map(({ line }) => line);
}

export function percentile(sorted: number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
