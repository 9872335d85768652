import postgres from "postgres";
import type { RunReport } from "../../functions/_shared/run/report.ts";
import { type Databases, startDatabases } from "../../local/platform/databases.ts";
import { type Stack, type StackOptions, startStack } from "../../local/stack/start.ts";
import type { StripeControl } from "../../local/stripe-simulator/control.ts";
import type { IntentSpec, SessionSpec } from "../../local/stripe-simulator/specs.ts";
import { assertPromises } from "../oracle/oracle.ts";
import { inWords, shopOptions, teachWords } from "../support/shop-under-test.ts";
export { eventually } from "./eventually.ts";

export type JobName = "expire-stale-orders" | "cleanup-stale-payment-intents";

/** One shop on one stack, with everything a test does to it. */
export type Shop = {
  stack: Stack;
  /** The owner's connection. */
  sql: postgres.Sql;
  stripe: StripeControl;
  /** What PostgreSQL logged about any shop of the file, the last lines of it. */
  serverLog(): string[];
  /** Places an order, by default of 2000 cents and two units of tea, whose deadline has passed. Answers its id. */
  placeOrder(options?: OrderOptions): Promise<string>;
  /** Creates an intent of the order at Stripe and attaches it. Answers its Stripe id. */
  addIntent(orderId: string, spec?: IntentSpec): Promise<string>;
  addSession(orderId: string, spec?: SessionSpec): Promise<string>;
  /** Creates an intent of the order at Stripe, an hour ago, without reporting it. Returns its Stripe id. */
  leaveIntent(orderId: string, spec?: IntentSpec): string;
  leaveSession(orderId: string, spec?: SessionSpec): string;
  attach(orderId: string, stripeId: string, account?: string): Promise<void>;
  /** What the shop's webhook does. Answers what came of it. */
  markPaid(orderId: string, stripeId: string, amount?: number): Promise<string>;
  /** The shop closes the order itself: paid in cash, or cancelled. */
  close(orderId: string, status: "paid" | "expired"): Promise<void>;
  /** Many unpaid orders, each with one intent, placed quickly. Answers their ids. */
  placeUnpaidOrders(count: number): Promise<string[]>;
  /** The order as the ledger has it. */
  orderOf(id: string): Promise<LedgerOrder>;
  /** What the shop itself says of the order. */
  shopStatusOf(id: string): Promise<string>;
  paymentOf(stripeId: string): Promise<{ state: string; reason: string | null; source: string }>;
  stockOf(sku?: string): Promise<{ onHand: number; reserved: number }>;
  /** Open alerts, as "severity key". */
  openAlerts(): Promise<string[]>;
  /** Decisions so far, as "outcome:reason" and how many. */
  outcomes(): Promise<Record<string, number>>;
  /** Calls a function, by default with the secret key. */
  post(body?: unknown, options?: { headers?: Record<string, string>; name?: string }): Promise<Response>;
  /** Runs a job with the secret key and waits for its end. */
  run(body?: Record<string, unknown>, job?: JobName): Promise<RunReport>;
  /** As if the leases of dead runs had run out. */
  lapseClaims(): Promise<void>;
  /** Whatever waits for a recheck or a backoff has waited for it. */
  dueNow(): Promise<void>;
};

export type OrderOptions = {
  minutesAgo?: number;
  /** From now; left out, by the policy of its method. */
  expiresInMinutes?: number;
  items?: { sku: string; quantity: number }[];
  amount?: number;
  method?: string;
};

export type LedgerOrder = {
  status: string;
  reason: string | null;
  attempt: number;
  failures: number;
  nextCheckAt: Date | null;
  dueSince: Date | null;
};

type ShopOptions = Omit<StackOptions, "databases"> & {
  /** Keeps the pace of a hosted project; otherwise calls are hardly paced, so that tests are quick. */
  paced?: boolean;
  /** Promises that the test breaks on purpose. */
  unchecked?: boolean;
};

// One server for a whole test file; every shop in it gets a database of its own.
let databases: Databases;
Deno.test.beforeAll(async () => void (databases = await startDatabases(shopOptions())));
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
  await teachWords(stack.database);
  const sql = inWords(postgres(stack.database.url, { max: 4, onnotice: () => {} }));
  try {
    await sql`insert into public.inventory (sku, on_hand) values ('tea', 100000), ('mug', 100000)`;
    if (!paced) {
      await sql`update lapse.settings set payments_per_second_test = 1000, cleanup_payments_per_second = 1000`;
    }
    const shop = openShop(stack, sql);
    await test(shop);
    if (!unchecked) await assertPromises({ sql, stripe: shop.stripe, ...(paced ? { pace: SANDBOX } : {}) });
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/**
 * Six payments a second, of two calls each, is what a test account is asked for. Here arrivals are counted, by a simulator in a busy process,
 * where calls that left apart may be taken in together. Stripe's own limit is 25.
 */
const SANDBOX = { perEndpoint: 20, account: 20 };

function openShop(stack: Stack, sql: postgres.Sql): Shop {
  const stripe = stack.simulator!.control;
  const common = (orderId: string) => ({ amount: 2000, metadata: { order_id: orderId } });
  const anHourAgo = () => Math.floor(Date.now() / 1_000) - 3_600;
  const shop: Shop = {
    stack,
    sql,
    stripe,
    serverLog: () => databases.server.log(),
    async placeOrder(
      { minutesAgo = 60, expiresInMinutes, items = [{ sku: "tea", quantity: 2 }], amount = 2000, method = "card" } = {},
    ) {
      const [row] = await sql<{ id: string }[]>`
        select id from public.place_order(
          p_currency => 'eur', p_amount => ${amount}, p_items => ${sql.json(items)}, p_payment_method => ${method},
          p_expires_at => now() + make_interval(mins => ${expiresInMinutes ?? null}::integer),
          p_now => now() - make_interval(mins => ${minutesAgo}))`;
      return row!.id;
    },
    async addIntent(orderId, spec = {}) {
      const [id] = stripe.createPaymentIntents([{ ...common(orderId), ...spec }]);
      await shop.attach(orderId, id!, spec.account);
      return id!;
    },
    async addSession(orderId, spec = {}) {
      const [session] = stripe.createCheckoutSessions([{ ...common(orderId), ...spec }]);
      await shop.attach(orderId, session!.id, spec.account);
      return session!.id;
    },
    leaveIntent: (orderId, spec = {}) =>
      stripe.createPaymentIntents([{ ...common(orderId), created: anHourAgo(), ...spec }])[0]!,
    leaveSession: (orderId, spec = {}) =>
      stripe.createCheckoutSessions([{ ...common(orderId), created: anHourAgo(), ...spec }])[0]!.id,
    async attach(orderId, stripeId, account) {
      await sql`
        select public.lapse_attach_payment(p_ref => ${orderId}, p_stripe_id => ${stripeId}, p_account => ${
        account ?? null
      })`;
    },
    async markPaid(orderId, stripeId, amount) {
      const [row] = await sql<{ answer: string }[]>`
        select public.lapse_mark_paid(p_ref => ${orderId}, p_stripe_id => ${stripeId}, p_amount => ${
        amount ?? null
      }) as answer`;
      return row!.answer;
    },
    async close(orderId, status) {
      await sql`select public.close_order(p_order_id => ${orderId}, p_paid => ${status === "paid"})`;
    },
    async placeUnpaidOrders(count) {
      const rows = await sql<{ id: string }[]>`
        select o.id from generate_series(1, ${count}) n, lateral public.place_order(
          p_currency => 'eur', p_amount => 2000, p_items => '[{"sku": "tea", "quantity": 1}]',
          p_now => now() - interval '1 hour' + n * interval '1 millisecond') o`;
      const ids = rows.map(({ id }) => id);
      const intents = stripe.createPaymentIntents(ids.map(common));
      await sql`
        select public.lapse_attach_payment(p_ref => p.ref, p_stripe_id => p.stripe_id)
        from unnest(${ids}::text[], ${intents}::text[]) as p (ref, stripe_id)`;
      return ids;
    },
    async orderOf(id) {
      const [row] = await sql<LedgerOrder[]>`
        select status, reason, attempt, failures, next_check_at as "nextCheckAt", due_since as "dueSince"
        from lapse.orders where ref = ${id}`;
      if (!row) throw new Error(`Cannot show order ${id}: the ledger does not have it`);
      return row;
    },
    async shopStatusOf(id) {
      const [row] = await sql<{ status: string }[]>`select status from public.orders where id::text = ${id}`;
      return row?.status ?? "gone";
    },
    async paymentOf(stripeId) {
      const [row] = await sql<{ state: string; reason: string | null; source: string }[]>`
        select state, reason, source from lapse.payments where stripe_id = ${stripeId}`;
      if (!row) throw new Error(`Cannot show payment ${stripeId}: the ledger does not have it`);
      return { ...row };
    },
    async stockOf(sku = "tea") {
      const [row] = await sql<{ onHand: number; reserved: number }[]>`
        select on_hand as "onHand", reserved from public.inventory where sku = ${sku}`;
      return { ...row! };
    },
    async openAlerts() {
      const rows = await sql<{ line: string }[]>`
        select severity || ' ' || key as line from lapse.alerts where resolved_at is null order by 1`;
      return rows.map(({ line }) => line);
    },
    async outcomes() {
      const rows = await sql<{ key: string; n: number }[]>`
        select outcome || ':' || reason as key, count(*)::int as n from lapse.decisions group by 1 order by 1`;
      return Object.fromEntries(rows.map(({ key, n }) => [key, n]));
    },
    post: (body = {}, { headers = { apikey: stack.secretKey }, name = "expire-stale-orders" } = {}) =>
      fetch(`${stack.apiUrl}/functions/v1/${name}`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    async run(body = {}, name = "expire-stale-orders") {
      const response = await shop.post({ wait: true, ...body }, { name });
      const answer = await response.json();
      if (response.status !== 200) throw new Error(`Cannot run the job: ${response.status} ${JSON.stringify(answer)}`);
      return answer as RunReport;
    },
    async lapseClaims() {
      // With a new fence, because a call that the dead run has sent may arrive later and would extend the lease.
      await sql`update lapse.jobs set lease_until = now(), fence = fence + 1 where run_id is not null`;
      await sql`update lapse.orders set next_check_at = now() - interval '5 minutes' where run_id is not null`;
    },
    async dueNow() {
      await sql`
        update lapse.orders set next_check_at = now() - interval '5 minutes', grace_until = least(grace_until, now() - interval '1 second')
        where next_check_at > now() - interval '5 minutes' and status <> 'expiring'`;
    },
  };
  return shop;
}
