import assert from "node:assert/strict";
import type postgres from "postgres";
import type { Expected } from "./account.ts";
import type { Bench } from "./bench.ts";

/** Holds the account and the database against what had to happen, with the simulator's log as the witness. */
export async function assertCleanedUp({ sql, stripe }: Bench, { ended, late, paid }: Expected): Promise<void> {
  const writes = stripe.calls().filter(({ method, executed }) => method === "POST" && executed);
  assert.deepEqual(writes.map(({ objectId }) => objectId).sort(), [...ended].sort(), "ended at Stripe, once each");
  assert.deepEqual(await decided(sql, "canceled"), [...ended].sort(), "decisions: canceled");
  assert.deepEqual(await decided(sql, "late_payment"), [...late].sort(), "decisions: late_payment");
  assert.deepEqual(await decided(sql, "found_paid"), [...paid].sort(), "decisions: found_paid");
  const [counted] = await sql`
    select (select payment_intents_canceled_total::int from public.job_metrics where job like 'cleanup%') as canceled,
      (select sum(late_payments)::int from public.job_runs) as late,
      (select count(*)::int from public.job_alerts where key like 'late_payment:%') as alerts`;
  assert.deepEqual({ ...counted }, { canceled: ended.size, late: late.size, alerts: late.size }, "counters and alerts");
}

async function decided(sql: postgres.Sql, outcome: string): Promise<string[]> {
  const rows = await sql<{ stripe_id: string }[]>`
    select stripe_id from public.job_decisions where outcome = ${outcome}`;
  return rows.map(({ stripe_id }) => stripe_id).sort();
}
