import type { Database } from "../../../functions/_shared/database/database.ts";
import type { Claim } from "../../../functions/_shared/database/orders.ts";
import type { ClaimedOrder, OrderDecision } from "../../../functions/_shared/rules/orders.ts";
import type { Clock } from "../../../functions/_shared/run/clock.ts";
import type { JobResult, Ports, Task } from "../../../functions/_shared/run/job.ts";
import type { Log, LogFields } from "../../../functions/_shared/run/log.ts";
import type { StripeGateway } from "../../../functions/_shared/stripe/gateway.ts";
import { intentSchema, type StripeIntent } from "../../../functions/_shared/stripe/objects.ts";
import { NO_TRACE, type Outcome } from "../../../functions/_shared/stripe/outcome.ts";
import { expireStaleOrders } from "../../../functions/expire-stale-orders/expire-stale-orders.ts";
import { SETTINGS } from "../run/run-row.ts";

export const NOW = new Date("2026-11-22T12:00:00Z");
export const at = (offset: number) => new Date(NOW.getTime() + offset);
const HOUR = 3_600_000;

/** An open order over 50 euros whose deadline passed an hour ago, with one intent of the same number. */
export function order(ref: string, change: Partial<ClaimedOrder> = {}): ClaimedOrder {
  return {
    ref,
    status: "open",
    attempt: 3,
    amount: 5_000,
    currency: "eur",
    account: "",
    method: "card",
    placedAt: at(-2 * HOUR),
    deadline: at(-HOUR),
    graceUntil: null,
    shopState: null,
    payments: [{
      stripeId: `pi_${ref}`,
      kind: "payment_intent",
      account: "",
      state: "open",
      source: "server",
      reason: null,
      receivedAmount: null,
      intent: null,
      attachedAt: at(-2 * HOUR),
    }],
    ...change,
  };
}

/** Orders `o0`, `o1`, …, each with one unpaid intent. */
export function unpaidOrders(count: number, from = 0): ClaimedOrder[] {
  return Array.from({ length: count }, (_, n) => order(`o${n + from}`));
}

type Scripted = Outcome<StripeIntent> | (() => Outcome<StripeIntent>);

/** A Stripe in memory that has an unpaid intent for every id, unless configured otherwise. */
export function stripeOf(answers: Record<string, Scripted | Partial<StripeIntent>> = {}, takes = 0) {
  const canceled = new Set<string>();
  const calls: string[] = [];
  const rates: number[] = [];
  const answer = async (call: string, id: string): Promise<Outcome<StripeIntent>> => {
    calls.push(`${call} ${id}`);
    if (takes > 0) await new Promise((resolve) => setTimeout(resolve, takes));
    const scripted = answers[id];
    if (typeof scripted === "function") return scripted();
    if (scripted && "kind" in scripted) return scripted;
    if (call === "cancel") canceled.add(id);
    const object = intentSchema.parse({
      id,
      object: "payment_intent",
      status: canceled.has(id) ? "canceled" : "requires_payment_method",
      amount: 5_000,
      amount_received: 0,
      currency: "eur",
      created: at(-2 * HOUR).getTime() / 1_000,
      livemode: false,
      metadata: { order_id: id.slice(3) },
      cancellation_reason: canceled.has(id) ? "abandoned" : null,
      next_action: null,
      ...scripted,
    });
    return { kind: "object", object, trace: NO_TRACE };
  };
  const gateway = {
    livemode: false,
    readIntent: ({ id }: { id: string }) => answer("read", id),
    cancelIntent: ({ id }: { id: string }) => answer("cancel", id),
    sessionsOfIntent: () => Promise.resolve({ kind: "object", object: [], trace: NO_TRACE }),
    setRate: (rate: number) => void rates.push(rate),
    close: () => {},
  } as unknown as StripeGateway;
  return { gateway, calls, rates, writes: () => calls.filter((call) => call.startsWith("cancel")) };
}

export const NOT_FOUND = { kind: "quarantine", why: "payment_not_found", trace: NO_TRACE } as const;

/** A database that hands out these claims one after the other, and then nothing; it has no orders without payments. */
export function databaseOf(claims: (Partial<Claim> | Error)[], changed: Partial<Database> = {}) {
  const settled: OrderDecision[] = [];
  const asked: number[] = [];
  const order: string[] = [];
  const database = {
    listCursors: () => Promise.resolve([]),
    closeWithoutPayments: () => Promise.resolve({ expired: 0, unitsReleased: 0, moved: 0 }),
    claimOrders: (_: unknown, limit: number) => {
      asked.push(limit);
      const claim = claims.shift() ?? {};
      return claim instanceof Error ? Promise.reject(claim) : Promise.resolve(claimOf(claim));
    },
    previewUnits: (refs: string[]) => Promise.resolve(Object.fromEntries(refs.map((ref) => [ref, 2]))),
    previewOrders: (_: string, limit: number) => {
      asked.push(limit);
      const { orders, unreadable } = claimOf(claims[0] as Partial<Claim>);
      return Promise.resolve({ orders: orders.slice(0, limit), unreadable });
    },
    settleOrders: (_: unknown, decisions: OrderDecision[]) => {
      settled.push(...decisions);
      return Promise.resolve({ outcomes: countOf(decisions), superseded: 0, paymentsPerSecond: 16 });
    },
    ...changed,
  } as unknown as Database;
  // Every call by its name, in the order in which they came.
  for (const [name, call] of Object.entries(database)) {
    Object.assign(database, {
      [name]: (...args: unknown[]) => {
        order.push(name);
        return (call as (...args: unknown[]) => unknown)(...args);
      },
    });
  }
  return { database, settled, asked, calls: order };
}

function claimOf({ orders = [], unreadable = [] }: Partial<Claim>): Claim {
  return { orders, unreadable };
}

export function countOf(decisions: OrderDecision[]): Record<string, number> {
  const outcomes: Record<string, number> = {};
  for (const { outcome } of decisions) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  return outcomes;
}

export const linesOf = (decisions: OrderDecision[]) =>
  decisions.map(({ ref, outcome, reason }) => `${ref} ${outcome} ${reason}`).sort();

type RunOptions = {
  database: Database;
  gateway?: StripeGateway;
  job?: (ports: Ports, task: Task) => Promise<JobResult>;
  dryRun?: boolean;
  limit?: number;
  settings?: Partial<typeof SETTINGS>;
  waitForShare?: boolean;
  now?: () => Date;
  clock?: Clock;
  retired?: AbortSignal;
};

/** Runs the job, usually at a standing clock. Answers what came of it and the lines it logged. */
export async function runJob(
  { database, gateway = stripeOf().gateway, job = expireStaleOrders, dryRun = false, ...options }: RunOptions,
): Promise<{ result: JobResult; lines: [string, LogFields][] }> {
  const lines: [string, LogFields][] = [];
  const write = (event: string, fields: LogFields = {}) => void lines.push([event, fields]);
  const log: Log = { info: write, error: write, with: () => log };
  const ports: Ports = {
    database,
    openStripe: () => Promise.resolve(gateway),
    log,
    clock: options.clock ?? { now: options.now ?? (() => NOW), monotonic: () => 0, sleep: () => Promise.resolve() },
    deadline: { claim: at(40_000), call: at(50_000) },
    retired: options.retired ?? new AbortController().signal,
  };
  const result = await job(ports, {
    job: "expire-stale-orders",
    due: 1,
    refundsDue: false,
    waitForShare: options.waitForShare ?? false,
    limit: options.limit ?? Number.POSITIVE_INFINITY,
    settings: { ...SETTINGS, ...options.settings },
    lease: dryRun ? null : { runId: "run", fence: 1 },
  });
  return { result, lines };
}
