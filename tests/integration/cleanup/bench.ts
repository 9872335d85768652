import postgres from "postgres";
import { cleanupStalePaymentIntents } from "../../../functions/cleanup-stale-payment-intents/cleanup-stale-payment-intents.ts";
import type { Rpc } from "../../../functions/_shared/database/rpc.ts";
import { createJobsDatabase, type NewRun } from "../../../functions/_shared/database/jobs-database.ts";
import type { StalePaymentDecision } from "../../../functions/_shared/payments.ts";
import { createLog } from "../../../functions/_shared/run/log.ts";
import type { RunReport } from "../../../functions/_shared/run/report.ts";
import { startRun } from "../../../functions/_shared/run/start-run.ts";
import { type Databases, startDatabases } from "../../../local/platform/databases.ts";
import type { StripeControl } from "../../../local/stripe-simulator/control.ts";
import type { IntentSpec } from "../../../local/stripe-simulator/specs.ts";
import { startStripeSimulator } from "../../../local/stripe-simulator/start.ts";
import assert from "node:assert/strict";
import { type Death, dyingFetch, dyingRpc } from "./death.ts";
import { createTime, type Time } from "./time.ts";
import { directRpc } from "./direct-rpc.ts";

const DAY_MS = 86_400_000;

/** A shop's database and its Stripe account, in one simulated time. */
export type Bench = {
  sql: postgres.Sql;
  stripe: StripeControl;
  now(): Date;
  advanceDays(days: number): void;
  /** Runs the clean-up to its end. */
  run(options?: Partial<NewRun> & { death?: Death }): Promise<Report>;
  /** Runs until a run has done all its work. Answers every run. */
  runToTheEnd(options?: Partial<NewRun>): Promise<Report[]>;
  /** An order in this state, without stock. Answers its id. */
  order(status: OrderStatus, options?: { amount?: number; payments?: Payment[] }): Promise<string>;
  /** An intent at Stripe that names this order; by default of ten days ago, unpaid, 2000 cents. */
  intent(orderId: string, spec?: IntentSpec & { daysAgo?: number }): string;
  outcomes(): Promise<Record<string, number>>;
};

export type Report = Omit<RunReport, "decisions"> & { decisions?: StalePaymentDecision[] };
type OrderStatus = "pending" | "expiring" | "expired" | "paid" | "quarantined";
type Payment = { stripeId: string; state: "open" | "paid" | "dead"; kind?: string };

let databases: Databases;
Deno.test.beforeAll(async () => void (databases = await startDatabases()));
Deno.test.afterAll(() => databases.stop());

/** Opens a bench with calls unpaced, runs the test, closes it. */
export async function withBench(test: (bench: Bench) => Promise<void>): Promise<void> {
  await using database = await databases.fresh();
  const simulator = await startStripeSimulator({ preset: "unlimited" });
  const sql = postgres(database.url, { max: 4, onnotice: () => {} });
  try {
    await sql`update jobs.settings set stripe_endpoint_rate = 1000, stripe_account_limit_test = 10000, brake_threshold = 100000`;
    await test(openBench(sql, simulator));
    const defects = simulator.control.defects();
    if (defects.length > 0) throw new Error(defects.join("\n"));
  } finally {
    await sql.end({ timeout: 1 });
    await simulator.close();
  }
}

function openBench(
  sql: postgres.Sql,
  { control: stripe, apiBase }: { control: StripeControl; apiBase: string },
): Bench {
  const time = createTime();
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
      const rpc = directRpc(sql, now);
      if (!death) return await runOnce(run, { rpc, fetch, time, apiBase });
      try {
        return await runOnce(run, { rpc: dyingRpc(rpc, death), fetch: dyingFetch(fetch, death), time, apiBase });
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
    async order(status, { amount = 2000, payments = [] } = {}) {
      const at = now();
      const open = status === "pending" || status === "expiring";
      const [row] = await sql<{ id: string }[]>`
        insert into public.orders (status, currency, amount, expires_at, next_check_at, claimed_by, paid_at, created_at)
        values (${status === "expired" ? "pending" : status}, 'eur', ${amount}, ${at}, ${
        open || status === "expired" ? at : null
      }, ${status === "expiring" ? crypto.randomUUID() : null}, ${status === "paid" ? at : null}, ${at})
        returning id`;
      for (
        const { stripeId, state, kind = stripeId.startsWith("cs") ? "checkout_session" : "payment_intent" } of payments
      ) {
        await sql`
          insert into public.order_payments (order_id, kind, stripe_id, state, evidence, closed_at)
          values (${row!.id}, ${kind}, ${stripeId}, ${state}, ${state === "open" ? null : sql.json({})}, ${
          state === "open" ? null : at
        })`;
      }
      if (status === "expired") {
        await sql`update public.orders set status = 'expired', expired_at = ${at}, next_check_at = null where id = ${
          row!.id
        }`;
      }
      return row!.id;
    },
    intent(orderId, { daysAgo = 10, ...spec } = {}) {
      const created = Math.floor(now().getTime() / 1_000 - daysAgo * 86_400);
      return stripe.createPaymentIntents([{ metadata: { order_id: orderId }, created, ...spec }])[0]!;
    },
    async outcomes() {
      const rows = await sql<{ key: string; n: number }[]>`
        select outcome || ':' || reason as key, count(*)::int as n from public.job_decisions group by 1 order by 1`;
      return Object.fromEntries(rows.map(({ key, n }) => [key, n]));
    },
  };
  return bench;
}

type Surroundings = { rpc: Rpc; fetch: typeof globalThis.fetch; time: Time; apiBase: string };

async function runOnce(run: Partial<NewRun>, { rpc, fetch, time, apiBase }: Surroundings): Promise<Report> {
  const { ended } = await startRun({
    run: {
      runId: crypto.randomUUID(),
      job: "cleanup-stale-payment-intents",
      trigger: "server",
      requestedBy: "test",
      reason: null,
      dryRun: false,
      limit: null,
      releaseBrake: false,
      ...run,
    },
    job: cleanupStalePaymentIntents,
    database: createJobsDatabase(rpc),
    stripe: () => ({ secretKey: "sk_test_bench", apiBase }),
    world: { fetch, clockFrom: () => time },
    log: createLog({}, (line) => void (Deno.env.get("LOG") && console.log(line))),
  });
  const { report } = await ended;
  return { ...report, decisions: report.decisions as StalePaymentDecision[] | undefined };
}

/** Holds the account and the database against what had to happen, with the simulator's log as the witness. */
export async function assertCleanedUp(
  { sql, stripe }: Bench,
  expected: { ended: Set<string>; late: Set<string>; paid: Set<string> },
): Promise<void> {
  const writes = stripe.calls().filter(({ method, executed }) => method === "POST" && executed);
  assert.deepEqual(
    writes.map(({ path }) => path.split("/")[3]).sort(),
    [...expected.ended].sort(),
    "ended at Stripe, once each",
  );
  assert.deepEqual(await decided(sql, "canceled"), [...expected.ended].sort(), "decisions: canceled");
  assert.deepEqual(await decided(sql, "late_payment"), [...expected.late].sort(), "decisions: late_payment");
  assert.deepEqual(await decided(sql, "found_paid"), [...expected.paid].sort(), "decisions: found_paid");
  const [counted] = await sql`
    select (select payment_intents_canceled_total::int from public.job_metrics where job like 'cleanup%') as canceled,
      (select sum(late_payments)::int from public.job_runs) as late,
      (select count(*)::int from public.job_alerts where key like 'late_payment:%') as alerts`;
  assert.deepEqual({ ...counted }, {
    canceled: expected.ended.size,
    late: expected.late.size,
    alerts: expected.late.size,
  });
}

async function decided(sql: postgres.Sql, outcome: string): Promise<string[]> {
  const rows = await sql<{ stripe_id: string }[]>`
    select stripe_id from public.job_decisions where outcome = ${outcome}`;
  return rows.map(({ stripe_id }) => stripe_id).sort();
}
