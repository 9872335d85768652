import assert from "node:assert/strict";
import type { Shop } from "../integration/support.ts";

export const JOBS = ["expire-stale-orders", "cleanup-stale-payment-intents"] as const;

export type Answer = { status: number; headers: Headers; text: string };

/** Sends a request to a function as it is, and reads the whole answer. */
export async function send({ stack }: Shop, name: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(`${stack.apiUrl}/functions/v1/${name}`, { method: "POST", ...init });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** What a refused caller must not have changed: the ledger, the shop, the leases, and Stripe was not asked. */
export async function traces({ sql, stripe }: Shop) {
  const [row] = await sql`
    select (select count(*)::int from lapse.runs) as runs, (select count(*)::int from lapse.decisions) as decisions,
      (select jsonb_agg(o order by o.ref) from lapse.orders o) as ledger,
      (select jsonb_agg(p order by p.stripe_id) from lapse.payments p) as payments,
      (select jsonb_agg(j order by j.job) from lapse.jobs j) as jobs,
      (select jsonb_agg(o order by o.id) from public.orders o) as orders,
      (select jsonb_agg(i order by i.sku) from public.inventory i) as inventory`;
  return { ...row, stripeCalls: stripe.mark() };
}

/** Every line that a function wrote is one JSON object with a level and an event. */
export function assertCleanLogs({ stack }: Shop): void {
  for (const { line } of stack.functions.logs()) {
    const entry = JSON.parse(line);
    assert.equal(typeof entry.level, "string", line);
    assert.equal(typeof entry.event, "string", line);
  }
}
