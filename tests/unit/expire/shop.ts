import { createExpectedCalls } from "../../../functions/_shared/budget/expected-calls.ts";
import type { Claim } from "../../../functions/_shared/database/claimed-orders.ts";
import type { Settings } from "../../../functions/_shared/database/contracts.ts";
import type { HandedBack, JobsDatabase } from "../../../functions/_shared/database/jobs-database.ts";
import type { ClaimedOrder, OrderDecision } from "../../../functions/_shared/orders.ts";
import type { JobResult, Ports, RunOrders } from "../../../functions/_shared/run/job.ts";
import type { Log, LogFields } from "../../../functions/_shared/run/log.ts";
import type { StripeGateway } from "../../../functions/_shared/stripe/gateway.ts";
import { expireStaleOrders } from "../../../functions/expire-stale-orders/expire-stale-orders.ts";
import { at, intent, NOW, order, payment } from "../stripe/builders.ts";
import { fakeStripe } from "../stripe/fake-stripe.ts";

export type Settled = OrderDecision | HandedBack;

/** Unpaid orders with one intent each, and the Stripe that knows them. */
export function unpaidOrders(
  count: number,
  from = 0,
): { orders: ClaimedOrder[]; stripe: ReturnType<typeof fakeStripe> } {
  const ids = Array.from({ length: count }, (_, n) => n + from);
  const stripe = fakeStripe(
    Object.fromEntries(ids.map((n) => [`pi_${n}`, intent({ id: `pi_${n}`, metadata: { order_id: `o${n}` } })])),
  );
  // An hour apart: read one by one.
  const createdAt = (n: number) => at(-n * 3_600_000);
  const orders = ids.map((n) =>
    order({ id: `o${n}`, payments: [payment({ stripeId: `pi_${n}`, createdAt: createdAt(n) })] })
  );
  return { orders, stripe };
}

/** A database that hands out these claims one after the other, and then nothing. */
export function databaseOf(claims: (Partial<Claim> | Error)[]) {
  const settled: Settled[] = [];
  const asked: number[] = [];
  const database = {
    expireWithoutPayments: () => Promise.resolve({ expired: 0, unitsReleased: 0 }),
    claimOrders: (_: unknown, limit: number) => {
      asked.push(limit);
      const claim = claims.shift() ?? {};
      return claim instanceof Error ? Promise.reject(claim) : Promise.resolve(claimOf(claim));
    },
    previewOrders: (limit: number) => {
      asked.push(limit);
      const { orders, unreadable } = claimOf(claims[0] as Partial<Claim>);
      return Promise.resolve({ orders: orders.slice(0, limit), unreadable });
    },
    countIntents: (stretches: unknown[]) => Promise.resolve(stretches.map(() => 0)),
    settleOrders: (_: unknown, decisions: Settled[]) => {
      settled.push(...decisions);
      const outcomes: Record<string, number> = {};
      for (const { outcome } of decisions) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      return Promise.resolve({ outcomes, superseded: 0 });
    },
  } as unknown as JobsDatabase;
  return { database, settled, asked };
}

function claimOf({ orders = [], unreadable = [] }: Partial<Claim>): Claim {
  return { orders, unreadable };
}

export const SETTINGS: Settings = {
  runSeconds: 50,
  claimSeconds: 40,
  claimBatch: 100,
  batchesAtOnce: 2,
  customerActionGraceSeconds: 300,
  processingRecheckSeconds: 3_600,
  captureRecheckSeconds: 3_600,
  voucherSettleGraceSeconds: 3_600,
  slowMethodWindowSeconds: 3_600,
};

/** Runs the job at a standing clock. Answers what came of it and the lines it logged. */
export async function runJob(
  { database, gateway, dryRun = false, limit = Number.POSITIVE_INFINITY }: {
    database: JobsDatabase;
    gateway: StripeGateway;
    dryRun?: boolean;
    limit?: number;
  },
): Promise<{ result: JobResult; lines: [string, LogFields][] }> {
  const lines: [string, LogFields][] = [];
  const write = (event: string, fields: LogFields = {}) => void lines.push([event, fields]);
  const log: Log = { info: write, error: write, with: () => log };
  const ports: Ports = {
    database,
    gateway,
    expected: createExpectedCalls(),
    log,
    clock: { now: () => NOW, monotonic: () => 0, sleep: () => Promise.resolve() },
    deadline: { claim: at(40_000), call: at(50_000) },
  };
  const orders: RunOrders = dryRun
    ? { lease: null, dryRun, limit, settings: SETTINGS }
    : { lease: { runId: "run", fence: 1 }, dryRun, limit, settings: SETTINGS };
  return { result: await expireStaleOrders(ports, orders), lines };
}
