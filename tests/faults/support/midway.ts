import postgres from "postgres";
import { type Bench, FUNCTION } from "./bench.ts";
import type { AtStep, Step } from "./wire.ts";

/**
 * What each database function comes to when it has begun its work and not yet ended it: the table it writes last, or, where it only reads,
 * the one it reads. A test that calls a function missing here fails.
 */
const TABLES: Record<string, string> = {
  "lapse.dispatch": "net.http_request_queue",
  lapse_begin_run: "lapse.jobs",
  lapse_list_windows: "lapse.list_cursors",
  lapse_record_listed: "lapse.list_cursors",
  lapse_close_without_payments: "lapse.metrics",
  lapse_claim_orders: "lapse.orders",
  lapse_settle_orders: "lapse.metrics",
  lapse_claim_refunds: "lapse.payments",
  lapse_record_refund: "lapse.alerts",
  lapse_finish_run: "lapse.metrics",
  lapse_continue_run: "net.http_request_queue",
};

/** Strikes in the middle of a step, and returns whether the strike hit. */
export type Midway = AtStep & { hit(): boolean };

/**
 * Strikes while the step is under way. A step of the database is over sooner than anybody could strike: it is made to wait in its middle
 * for a table that somebody else holds, and is let go after the strike. It was hit if its answer is an error. A call that finds nothing to
 * close writes nothing: it has no middle, and counts as hit. A step at Stripe goes on beside the strike, and is hit in any case: nobody knows
 * which of the two is faster.
 */
export function strikeMidway(bench: Bench, number: number, strike: () => Promise<void>): Midway {
  let hit = false;
  const atStep: AtStep = async (step, take) => {
    if (step.number !== number) return await take();
    if (step.place === "stripe") {
      hit = true;
      return (await Promise.all([take(), strike()]))[0];
    }
    const letGo = await hold(bench, tableOf(step));
    const answer = take();
    try {
      const ended = await Promise.race([waits(bench, step), answer]);
      hit = foundNothing(ended);
      if (hit) return await answer;
      if (ended) throw new Error(`${step.name} did not wait`);
      await strike();
    } finally {
      await letGo();
    }
    hit = (await answer as { error: unknown }).error !== null;
    return await answer;
  };
  return Object.assign(atStep, { hit: () => hit });
}

function foundNothing(ended: unknown): boolean {
  return (ended as { data?: { moved?: number } } | undefined)?.data?.moved === 0;
}

function tableOf({ name }: Step): string {
  const table = TABLES[name];
  if (!table) throw new Error(`Cannot stop ${name} in its middle: which table it writes last is not in the list`);
  return table;
}

/** Holds a table against everybody, until it is let go or the server is gone. */
async function hold({ databaseUrl }: Bench, table: string): Promise<() => Promise<void>> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  const connection = await sql.reserve();
  await connection`begin`;
  await connection.unsafe(`lock table ${table} in access exclusive mode`);
  // Not by a rollback, which is impossible on a crashed connection.
  return () => sql.end({ timeout: 0 });
}

async function waits({ sql }: Bench, { name }: Step): Promise<undefined> {
  for (const until = performance.now() + 5_000; performance.now() < until;) {
    const waiting = await sql`
      select from pg_stat_activity where application_name = ${FUNCTION} and wait_event_type = 'Lock'`;
    if (waiting.length > 0) return undefined;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error(`${name} did not come to the table that is held`);
}
