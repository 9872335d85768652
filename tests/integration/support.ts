import postgres from "postgres";
import type { RunReport } from "../../functions/_shared/run/report.ts";
import { type Databases, startDatabases } from "../../local/platform/databases.ts";
import { type Stack, type StackOptions, startStack } from "../../local/stack/start.ts";
import type { StripeControl } from "../../local/stripe-simulator/control.ts";
import type { IntentSpec, SessionSpec } from "../../local/stripe-simulator/specs.ts";
import { assertPromises } from "../oracle/oracle.ts";
export { eventually } from "./eventually.ts";

/** One shop on one stack, with everything a test does to it. */
export type Shop = {
  stack: Stack;
  /** The owner's connection. */
  sql: postgres.Sql;
  stripe: StripeControl;
  /** What PostgreSQL logged about any shop of the file, the last lines of it. */
  serverLog(): string[];
  /** Places an order whose deadline has passed (`minutesAgo`), for 2000 cents and two units of tea. Answers its id. */
  placeOrder(
    options?: { minutesAgo?: number; items?: { sku: string; quantity: number }[]; amount?: number },
  ): Promise<string>;
  /** Creates an intent of the order at Stripe and attaches it. Answers its Stripe id. */
  addIntent(orderId: string, spec?: IntentSpec): Promise<string>;
  addSession(orderId: string, spec?: SessionSpec): Promise<string>;
  /** Many unpaid orders, each with one intent, placed quickly. Answers their ids. */
  placeUnpaidOrders(count: number): Promise<string[]>;
  orderOf(
    id: string,
  ): Promise<{ status: string; reason: string | null; attempt: number; failures: number; nextCheckAt: Date | null }>;
  post(body?: unknown, options?: { headers?: Record<string, string>; name?: string }): Promise<Response>;
  /** Runs the job as the scheduler would and waits for its end. */
  run(body?: Record<string, unknown>): Promise<RunReport>;
  /** As if the leases of dead runs had run out. */
  lapseClaims(): Promise<void>;
};

type ShopOptions = Omit<StackOptions, "databases"> & {
  /** Keeps the budget of a hosted project; otherwise calls are hardly paced, so that tests are quick. */
  paced?: boolean;
  /** Promises that the test breaks on purpose. */
  unchecked?: boolean;
};

// One server for a whole test file; every shop in it gets a database of its own.
let databases: Databases;
Deno.test.beforeAll(async () => void (databases = await startDatabases()));
Deno.test.afterAll(() => databases.stop());

/** Opens a shop, runs the test in it, asks the oracle, closes the shop. */
export async function withShop(options: ShopOptions, test: (shop: Shop) => Promise<void>): Promise<void> {
  const { paced, unchecked, ...stackOptions } = options;
  await using stack = await startStack({
    workers: false,
    users: false,
    databases,
    simulator: { preset: paced ? "sandbox" : "unlimited" },
    ...stackOptions,
  });
  const sql = postgres(stack.database.url, { max: 4, onnotice: () => {} });
  try {
    await sql`insert into public.inventory (sku, on_hand) values ('tea', 100000), ('mug', 1000)`;
    if (!paced) {
      await sql`update jobs.settings set stripe_endpoint_rate = 1000, stripe_account_limit_test = 10000`;
    }
    const shop = openShop(stack, sql);
    await test(shop);
    if (!unchecked) await assertPromises({ sql, stripe: shop.stripe, ...(paced ? { budget: SANDBOX } : {}) });
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/**
 * The budget of a test account is 12 calls per second. The unit tests hold departures to it exactly; here arrivals are counted, by a
 * simulator in a busy process, where calls that left apart may be taken in together. Stripe's own limit is 25.
 */
const SANDBOX = { perEndpoint: 16, account: 16 };

function openShop(stack: Stack, sql: postgres.Sql): Shop {
  const stripe = stack.simulator!.control;
  const shop: Shop = {
    stack,
    sql,
    stripe,
    serverLog: () => databases.server.log(),
    async placeOrder({ minutesAgo = 60, items = [{ sku: "tea", quantity: 2 }], amount = 2000 } = {}) {
      const [row] = await sql<{ id: string }[]>`
        select id from public.place_order(
          p_currency => 'eur', p_amount => ${amount}, p_items => ${sql.json(items)},
          p_now => now() - make_interval(mins => ${minutesAgo}))`;
      return row!.id;
    },
    async addIntent(orderId, spec = {}) {
      const [id] = stripe.createPaymentIntents([{ amount: 2000, metadata: { order_id: orderId }, ...spec }]);
      await sql`select public.attach_payment(p_order_id => ${orderId}, p_kind => 'payment_intent', p_stripe_id => ${id!})`;
      return id!;
    },
    async addSession(orderId, spec = {}) {
      const [session] = stripe.createCheckoutSessions([{ amount: 2000, metadata: { order_id: orderId }, ...spec }]);
      await sql`
        select public.attach_payment(p_order_id => ${orderId}, p_kind => 'checkout_session', p_stripe_id => ${
        session!.id
      })`;
      return session!.id;
    },
    async placeUnpaidOrders(count) {
      const rows = await sql<{ id: string }[]>`
        select o.id from generate_series(1, ${count}) n, lateral public.place_order(
          p_currency => 'eur', p_amount => 2000, p_items => '[{"sku": "tea", "quantity": 1}]',
          p_now => now() - interval '1 hour' + n * interval '1 millisecond') o`;
      const ids = rows.map(({ id }) => id);
      const intents = stripe.createPaymentIntents(ids.map((id) => ({ amount: 2000, metadata: { order_id: id } })));
      await sql`
        select public.attach_payment(p_order_id => p.order_id, p_kind => 'payment_intent', p_stripe_id => p.stripe_id)
        from unnest(${ids}::uuid[], ${intents}::text[]) as p (order_id, stripe_id)`;
      return ids;
    },
    async orderOf(id) {
      const [row] = await sql<Awaited<ReturnType<Shop["orderOf"]>>[]>`
        select status, status_reason as reason, attempt, failures, next_check_at as "nextCheckAt"
        from public.orders where id = ${id}`;
      return row!;
    },
    post: (body = {}, { headers = { "x-jobs-secret": stack.schedulerSecret }, name = "expire-stale-orders" } = {}) =>
      fetch(`${stack.apiUrl}/functions/v1/${name}`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    async run(body = {}) {
      const response = await shop.post({ wait: true, ...body }, { headers: { apikey: stack.secretKey } });
      const answer = await response.json();
      if (response.status !== 200) throw new Error(`Cannot run the job: ${response.status} ${JSON.stringify(answer)}`);
      return answer as RunReport;
    },
    async lapseClaims() {
      await sql`update jobs.leases set lease_until = now() where run_id is not null`;
      await sql`update public.orders set next_check_at = now() where status = 'expiring'`;
    },
  };
  return shop;
}
