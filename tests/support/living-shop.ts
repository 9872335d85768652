// The second shop (examples/next-shop) as it lives without Lapse: its own checkout, its own webhook, plain updates of its own tables.

import postgres from "postgres";
import type { RunReport } from "../../functions/_shared/run/report.ts";
import { type Databases, startDatabases } from "../../local/platform/databases.ts";
import { nextShop } from "../../local/platform/prepare.ts";
import { type Stack, type StackOptions, startStack } from "../../local/stack/start.ts";
import type { StripeControl } from "../../local/stripe-simulator/control.ts";
import type { IntentSpec, SessionSpec } from "../../local/stripe-simulator/specs.ts";
import { assertPromisesOfNextShop } from "../oracle/next-shop.ts";

export type LivingShop = {
  stack: Stack;
  /** The owner's connection. */
  sql: postgres.Sql;
  stripe: StripeControl;
  /** The shop's checkout takes two units of the first variant, over 20 euros. Answers the order's id, a text. */
  checkout(
    order?: { minutesAgo?: number; total?: number; items?: { variant: number; quantity: number }[] },
  ): Promise<string>;
  /** Creates the payment at Stripe and writes its id into the order, as the shop's server does. */
  intent(id: string, spec?: IntentSpec): Promise<string>;
  session(id: string, spec?: SessionSpec): Promise<string>;
  /** What the shop's own webhook does: one plain update. */
  webhook(id: string, intent?: string): Promise<void>;
  /** As the shop did before it had Lapse's triggers. */
  withoutTriggers(work: (sql: postgres.TransactionSql) => Promise<unknown>): Promise<void>;
  stateOf(id: string): Promise<string>;
  ledgerOf(id: string): Promise<{ status: string; reason: string | null } | null>;
  stockOf(variant?: number): Promise<number>;
  drift(): Promise<string[]>;
  run(body?: Record<string, unknown>, job?: string): Promise<RunReport>;
  /** Whatever waits for a recheck has waited for it. */
  dueNow(): Promise<void>;
};

export const UNITS = 100_000;

let databases: Databases;

/** Call once at the top of a test file: one server for all its shops. `schedules` false: Lapse is installed and not enabled. */
export function useLivingShops({ schedules = true }: { schedules?: boolean } = {}): void {
  Deno.test.beforeAll(async () => void (databases = await startDatabases({ shop: nextShop, schedules })));
  Deno.test.afterAll(() => databases.stop());
}

type Options = Omit<StackOptions, "databases"> & { unchecked?: boolean };

/** Opens a shop, runs the test in it, asks the oracle, closes the shop. */
export async function withLivingShop(test: (shop: LivingShop) => Promise<void>, options: Options = {}): Promise<void> {
  const { unchecked, ...stackOptions } = options;
  await using stack = await startStack({
    workers: false,
    users: false,
    databases,
    simulator: { preset: "unlimited" },
    ...stackOptions,
  });
  const sql = postgres(stack.database.url, { max: 6, onnotice: () => {} });
  try {
    await sql`insert into public.variants (title, stock_quantity) values ('tea', ${UNITS}), ('mug', ${UNITS})`;
    await sql`update lapse.settings set payments_per_second_test = 1000, cleanup_payments_per_second = 1000`;
    await sql.unsafe(BACKDATED).simple();
    const shop = open(stack, sql);
    await test(shop);
    if (!unchecked) await assertPromisesOfNextShop({ sql, stripe: shop.stripe, units: UNITS });
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Orders of an hour ago: the checkout itself knows the present only. */
const BACKDATED = `
  create schema test;
  create function test.backdate() returns trigger language plpgsql as $$
  begin
    new.created_at := coalesce(nullif(current_setting('test.placed_at', true), '')::timestamptz, new.created_at);
    return new;
  end;
  $$;
  grant usage on schema test to service_role;
  create trigger backdate before insert on public.orders for each row execute function test.backdate()`;

function open(stack: Stack, sql: postgres.Sql): LivingShop {
  const stripe = stack.simulator!.control;
  let placed = 0;
  const anHourAgo = () => Math.floor(Date.now() / 1_000) - 3_600;
  const common = (id: string) => ({ amount: 2000, created: anHourAgo(), metadata: { order_id: id } });
  const shop: LivingShop = {
    stack,
    sql,
    stripe,
    async checkout({ minutesAgo = 60, total = 20, items = [{ variant: 1, quantity: 2 }] } = {}) {
      const id = `order-${++placed}`;
      await sql.begin(async (sql) => {
        await sql`select set_config('test.placed_at', (now() - make_interval(mins => ${minutesAgo}))::text, true)`;
        await sql`select public.checkout(${id}, ${total}, 'EUR', ${sql.json(items)})`;
      });
      return id;
    },
    async intent(id, spec = {}) {
      const [intent] = stripe.createPaymentIntents([{ ...common(id), ...spec }]);
      await sql`update public.orders set stripe_payment_intent_id = ${intent!} where id = ${id}`;
      return intent!;
    },
    async session(id, spec = {}) {
      const [session] = stripe.createCheckoutSessions([{ ...common(id), ...spec }]);
      await sql`update public.orders set stripe_checkout_session_id = ${session!.id} where id = ${id}`;
      return session!.id;
    },
    webhook: async (id, intent) => void await sql`select public.payment_succeeded(${id}, ${intent ?? null})`,
    async withoutTriggers(work) {
      await sql.begin(async (sql) => {
        const names = await sql<{ name: string }[]>`
          select tgname as name from pg_trigger where tgrelid = 'public.orders'::regclass and tgname like 'lapse%'`;
        const set = (how: string) =>
          sql.unsafe(names.map(({ name }) => `alter table public.orders ${how} trigger ${name}`).join("; ")).simple();
        await set("disable");
        await work(sql);
        await set("enable");
      });
    },
    async stateOf(id) {
      const [row] = await sql<{ state: string }[]>`select state from public.orders where id = ${id}`;
      return row?.state ?? "gone";
    },
    async ledgerOf(id) {
      const [row] = await sql<{ status: string; reason: string | null }[]>`
        select status, reason from lapse.orders where ref = ${id}`;
      return row ? { ...row } : null;
    },
    async stockOf(variant = 1) {
      const [row] = await sql<{ stock: number }[]>`
        select stock_quantity as stock from public.variants where id = ${variant}`;
      return row!.stock;
    },
    async drift() {
      const rows = await sql<{ line: string }[]>`select name || ' ' || ref as line from lapse.drift() order by 1`;
      return rows.map(({ line }) => line);
    },
    async run(body = {}, job = "expire-stale-orders") {
      const response = await fetch(`${stack.apiUrl}/functions/v1/${job}`, {
        method: "POST",
        headers: { "content-type": "application/json", apikey: stack.secretKey },
        body: JSON.stringify({ wait: true, ...body }),
      });
      const answer = await response.json();
      if (response.status !== 200) throw new Error(`Cannot run the job: ${response.status} ${JSON.stringify(answer)}`);
      return answer as RunReport;
    },
    async dueNow() {
      await sql`
        update lapse.orders set next_check_at = now() - interval '5 minutes', grace_until = least(grace_until, now() - interval '1 second')
        where next_check_at > now() - interval '5 minutes' and status <> 'expiring'`;
    },
  };
  return shop;
}
