import postgres from "postgres";
import assert from "node:assert/strict";
import type { NewRun } from "../../../functions/_shared/database/jobs-database.ts";
import { type Databases, startDatabases } from "../../../local/platform/databases.ts";
import type { StripeControl } from "../../../local/stripe-simulator/control.ts";
import type { IntentSpec } from "../../../local/stripe-simulator/specs.ts";
import { startStripeSimulator, type StripeSimulator } from "../../../local/stripe-simulator/start.ts";
import { type Death, dyingFetch, dyingRpc } from "./death.ts";
import { directRpc } from "./direct-rpc.ts";
import { type JobName, type Report, runJob } from "./run-job.ts";
import { createTime } from "./time.ts";

const DAY_MS = 86_400_000;

/** A shop's database and its Stripe account, in one simulated time. */
export type Bench = {
  sql: postgres.Sql;
  stripe: StripeControl;
  now(): Date;
  advanceDays(days: number): void;
  /** Runs the clean-up, or the other job, once. */
  run(options?: Partial<NewRun> & { job?: JobName; death?: Death }): Promise<Report>;
  /** Runs the clean-up until a run has done all its work. Answers every run. */
  runToTheEnd(options?: Partial<NewRun> & { job?: JobName }): Promise<Report[]>;
  /** An order for 2000 cents in this state, without stock. Answers its id. */
  order(status: OrderStatus, options?: { amount?: number }): Promise<string>;
  /** An intent at Stripe that names this order; by default of ten days ago, unpaid, 2000 cents. Answers its id. */
  intent(orderId: string, spec?: IntentSpec & { daysAgo?: number }): string;
  /** Makes a payment known to the database. */
  attach(orderId: string, stripeId: string, options?: { state?: string; account?: string }): Promise<void>;
  /** How often each "outcome:reason" was decided. */
  outcomes(): Promise<Record<string, number>>;
};

type OrderStatus = "pending" | "expiring" | "expired" | "paid" | "quarantined";

let databases: Databases;
Deno.test.beforeAll(async () => void (databases = await startDatabases()));
Deno.test.afterAll(() => databases.stop());

/** Opens a bench, runs the test, closes it. Calls are not paced, and no brake is met, unless the test is about them. */
export async function withBench(
  test: (bench: Bench) => Promise<void>,
  { paced = false, connectedAccounts }: { paced?: boolean; connectedAccounts?: string[] } = {},
): Promise<void> {
  await using database = await databases.fresh();
  const simulator = await startStripeSimulator({
    preset: paced ? "sandbox" : "unlimited",
    ...(connectedAccounts ? { connectedAccounts } : {}),
  });
  const sql = postgres(database.url, { max: 4, onnotice: () => {} });
  try {
    if (!paced) await sql`update jobs.settings set stripe_endpoint_rate = 1000, stripe_account_limit_test = 10000`;
    await sql`update jobs.settings set brake_threshold = 100000`;
    await test(openBench(sql, simulator, { realTime: paced }));
    assert.deepEqual(simulator.control.defects(), []);
  } finally {
    await sql.end({ timeout: 1 });
    await simulator.close();
  }
}

function openBench(
  sql: postgres.Sql,
  { control: stripe, apiBase }: StripeSimulator,
  options: { realTime: boolean },
): Bench {
  const time = createTime(options);
  const { now } = time;
  const bench: Bench = {
    sql,
    stripe,
    now,
    advanceDays(days) {
      time.advance(days * DAY_MS);
      stripe.advanceClock({ ms: days * DAY_MS });
    },
    async run({ death, ...run } = {}) {
      const alive = { rpc: directRpc(sql, now), fetch, time, apiBase };
      if (!death) return await runJob(run, alive);
      try {
        return await runJob(run, { ...alive, rpc: dyingRpc(alive.rpc, death), fetch: dyingFetch(fetch, death) });
      } catch {
        // Dead before the run had begun: nobody answers.
        return { status: "lost" } as Report;
      }
    },
    async runToTheEnd(options) {
      const reports: Report[] = [];
      do reports.push(await bench.run(options)); while (reports.at(-1)!.status === "partial" && reports.length < 50);
      assert.equal(reports.at(-1)!.status, "succeeded", reports.at(-1)!.error ?? undefined);
      return reports;
    },
    async order(status, { amount = 2000 } = {}) {
      const [row] = await sql<{ id: string }[]>`
        insert into public.orders (status, currency, amount, expires_at, next_check_at, claimed_by, paid_at, expired_at)
        values (
          ${status}, 'eur', ${amount}, now(),
          case when ${status} in ('pending', 'expiring') then now() end,
          case when ${status} = 'expiring' then gen_random_uuid() end,
          case when ${status} = 'paid' then now() end,
          case when ${status} = 'expired' then now() end
        )
        returning id`;
      return row!.id;
    },
    intent(orderId, { daysAgo = 10, ...spec } = {}) {
      const created = Math.floor(now().getTime() / 1_000 - daysAgo * 86_400);
      return stripe.createPaymentIntents([{ metadata: { order_id: orderId }, created, ...spec }])[0]!;
    },
    async attach(orderId, stripeId, { state = "open", account } = {}) {
      await sql`
        insert into public.order_payments (order_id, kind, stripe_id, stripe_account, state, evidence, closed_at)
        values (
          ${orderId}, ${stripeId.startsWith("cs") ? "checkout_session" : "payment_intent"}, ${stripeId}, ${
        account ?? null
      },
          ${state}, '{}', case when ${state} <> 'open' then now() end
        )`;
    },
    async outcomes() {
      const rows = await sql<{ key: string; n: number }[]>`
        select outcome || ':' || reason as key, count(*)::int as n from public.job_decisions group by 1 order by 1`;
      return Object.fromEntries(rows.map(({ key, n }) => [key, n]));
    },
  };
  return bench;
}
