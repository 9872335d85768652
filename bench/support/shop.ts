import postgres from "postgres";
import type { RunReport } from "../../functions/_shared/run/report.ts";
import type { Databases } from "../../local/platform/databases.ts";
import { type Stack, type StackOptions, startStack } from "../../local/stack/start.ts";

/** A stack with the empty sample shop, and the way to run its jobs. */
export type Shop = {
  stack: Stack;
  /** The owner's connection. */
  sql: postgres.Sql;
  /** A superuser's connection, for filling tables. */
  admin: postgres.Sql;
  /** Runs a job to its end; the brake is released, because backlogs are what is measured. Fails unless it succeeded. */
  run(options?: { job?: string; dryRun?: boolean }): Promise<RunReport>;
} & AsyncDisposable;

export type ShopOptions = Omit<StackOptions, "databases"> & {
  /** Keeps the pace of a hosted project; otherwise calls to Stripe are hardly paced, and one run takes all orders. */
  paced?: boolean;
};

export async function openShop(databases: Databases, options: ShopOptions = {}): Promise<Shop> {
  const { paced, ...stackOptions } = options;
  const stack = await startStack({
    workers: false,
    users: false,
    databases,
    simulator: { preset: "unlimited" },
    ...stackOptions,
  });
  const sql = postgres(stack.database.url, { max: 2, onnotice: () => {} });
  const admin = postgres(stack.database.adminUrl, { max: 2, onnotice: () => {} });
  // One run takes all orders.
  await sql`
    update lapse.settings set run_orders = 100000, lease = '10 minutes', run_seconds = 300, claim_seconds = 290 where only_row`;
  if (!paced) {
    await sql`update lapse.settings set payments_per_second_test = 1000, payments_per_second_live = 1000 where only_row`;
  }

  return {
    stack,
    sql,
    admin,
    async run({ job = "expire-stale-orders", dryRun = false } = {}) {
      const response = await fetch(`${stack.apiUrl}/functions/v1/${job}`, {
        method: "POST",
        headers: { apikey: stack.secretKey, "content-type": "application/json" },
        body: JSON.stringify({ wait: true, dryRun, releaseBrake: true, reason: "bench" }),
      });
      const report = await response.json();
      if (report.status !== "succeeded") throw new Error(`Cannot measure this run: ${JSON.stringify(report)}`);
      return report;
    },
    async [Symbol.asyncDispose]() {
      await sql.end({ timeout: 1 });
      await admin.end({ timeout: 1 });
      await stack.stop();
    },
  };
}
