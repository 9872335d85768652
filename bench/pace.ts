import type { Databases } from "../local/platform/databases.ts";
import type { LoggedCall } from "../local/stripe-simulator/call-log.ts";
import { placeLeftovers, placeOrdersWithIntent } from "./support/backlog.ts";
import type { Bench, Size } from "./support/bench.ts";
import { type Figure, figureOf, percentile } from "./support/figure.ts";
import { usageOf } from "./support/function-process.ts";
import { openShop, type Shop } from "./support/shop.ts";

const SIZES = {
  toy: { oneRun: 40, chain: 60, share: 20, leftovers: 10 },
  quick: { oneRun: 300, chain: 1_200, share: 600, leftovers: 60 },
  full: { oneRun: 800, chain: 3_000, share: 600, leftovers: 160 },
};
/** What Lapse allows itself in live mode, and what Stripe allows (docs.stripe.com/rate-limits). */
const PAYMENTS_PER_SECOND = 20;
const STRIPE_PER_SECOND = { endpoint: 25, account: 100 };
const LATENCY_MS = 80;
const CANCEL = "payment_intents.cancel";

/** A backlog at Stripe's own limits in live mode: how much of the pace is used, its cost, and how long a payment is unguarded. */
export const pace: Bench = {
  name: "pace",
  async run(size: Size, databases: Databases): Promise<Figure[]> {
    const { oneRun, chain, share, leftovers } = SIZES[size];
    return [
      ...await inOneRun(databases, oneRun),
      ...await bothJobs(databases, { orders: oneRun, leftovers }),
      ...await inAChain(databases, { orders: chain, share }),
    ];
  },
};

async function openLive(databases: Databases, more: { workers?: false } = { workers: false }): Promise<Shop> {
  const shop = await openShop(databases, {
    paced: true,
    simulator: { preset: "live", latencyMs: LATENCY_MS },
    functionsEnv: { STRIPE_SECRET_KEY: "sk_live_local" },
    ...more,
  });
  // Start-up apart: the function has expired a first order before it is measured.
  await placeOrdersWithIntent(shop, { count: 1, livemode: true });
  await shop.run();
  return shop;
}

async function inOneRun(databases: Databases, orders: number): Promise<Figure[]> {
  const unpaced = await unpacedCpuMs(databases, orders);
  await using shop = await openLive(databases);
  const control = shop.stack.simulator!.control;
  await placeOrdersWithIntent(shop, { count: orders, livemode: true });
  const mark = control.mark();
  const before = await usageOf(shop.stack);
  const report = await shop.run();
  const after = await usageOf(shop.stack);
  if (report.ordersExpired !== orders) throw new Error(`Cannot measure: ${report.ordersExpired} expired`);
  const size = `${orders} orders in one run, ${LATENCY_MS} ms from Stripe`;
  const gaps = gapsToCancel(control.calls({ since: mark }));
  return [
    figureOf("pace", "pace used between first and last cancel of a run", {
      unit: "%",
      samples: [perSecond(control.calls({ endpoint: CANCEL, since: mark })) / PAYMENTS_PER_SECOND * 100],
      size,
      goal: { atLeast: 95 },
    }),
    figureOf("pace", "from read to cancel, 99th percentile, over Stripe's round trip", {
      unit: "ratio",
      samples: [percentile(gaps, 0.99) / LATENCY_MS],
      size,
      goal: { atMost: 1.5 },
      behind: { medianMs: percentile(gaps, 0.5), worstMs: percentile(gaps, 1) },
    }),
    figureOf("pace", "CPU per order at this pace over unpaced", {
      unit: "ratio",
      samples: [(after.cpuMs - before.cpuMs) / orders / unpaced],
      size,
      goal: { atMost: 1.5 },
      behind: { pacedMsPerOrder: (after.cpuMs - before.cpuMs) / orders, unpacedMsPerOrder: unpaced },
    }),
    ...limitsKept(shop, { since: mark, size }),
  ];
}

/** Both jobs at once: the clean-up takes its few payments a second, and the other job uses the rest. */
async function bothJobs(
  databases: Databases,
  { orders, leftovers }: { orders: number; leftovers: number },
): Promise<Figure[]> {
  await using shop = await openLive(databases);
  const control = shop.stack.simulator!.control;
  await placeLeftovers(shop, { count: leftovers, livemode: true });
  await placeOrdersWithIntent(shop, { count: orders, livemode: true });
  const mark = control.mark();
  await Promise.all([shop.run({ job: "cleanup-stale-payment-intents" }), shop.run()]);
  const cancels = control.calls({ endpoint: CANCEL, since: mark });
  if (cancels.length < orders + leftovers) throw new Error(`Cannot measure: ${cancels.length} payments were cancelled`);
  const size = `${orders} orders and ${leftovers} payments of closed orders, both jobs at once`;
  return [
    figureOf("pace", "pace used by both jobs together", {
      unit: "%",
      samples: [perSecond(cancels) / PAYMENTS_PER_SECOND * 100],
      size,
      goal: { atLeast: 85 },
    }),
    ...limitsKept(shop, { since: mark, size }),
  ];
}

/** Continuations included: each is a request of its own, and begins with the lists. */
async function inAChain(
  databases: Databases,
  { orders, share }: { orders: number; share: number },
): Promise<Figure[]> {
  await using shop = await openShop(databases, {
    paced: true,
    simulator: { preset: "live", latencyMs: LATENCY_MS },
    functionsEnv: { STRIPE_SECRET_KEY: "sk_live_local" },
    workers: {},
  });
  await shop.sql`
    update lapse.settings
    set run_orders = ${share}, brake_threshold = 100000, lease = '2 minutes', run_seconds = 50, claim_seconds = 40 where only_row`;
  const control = shop.stack.simulator!.control;
  await placeOrdersWithIntent(shop, { count: orders, livemode: true });
  const mark = control.mark();
  await shop.sql`select lapse.dispatch(p_job => 'expire-stale-orders')`;
  const before = performance.now();
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const [left] = await shop.sql`select count(*)::int as n from lapse.orders where status in ('pending', 'expiring')`;
    if (left!.n === 0) break;
    if (performance.now() - before > 10 * 60_000) throw new Error(`Cannot measure: ${left!.n} orders are left`);
  }
  const [runs] = await shop.sql`select count(*)::int as n from lapse.runs where status in ('succeeded', 'partial')`;
  const size = `${orders} orders, ${share} a run`;
  return [
    figureOf("pace", "pace used over a backlog with its continuations", {
      unit: "%",
      samples: [perSecond(control.calls({ endpoint: CANCEL, since: mark })) / PAYMENTS_PER_SECOND * 100],
      size,
      goal: { atLeast: 85 },
      behind: { runs: runs!.n },
    }),
    ...limitsKept(shop, { since: mark, size }),
  ];
}

function limitsKept({ stack }: Shop, { since, size }: { since: number; size: string }): Figure[] {
  const control = stack.simulator!.control;
  return [
    figureOf("pace", `refusals for rate, ${size}`, {
      unit: "calls",
      samples: [control.rateLimitedCalls({ since }).length],
      size,
      goal: { atMost: 0 },
    }),
    figureOf("pace", `peak of one endpoint in any one-second window, ${size}`, {
      unit: "calls",
      samples: [control.peakCalls({ endpoint: CANCEL, since })],
      size,
      goal: { atMost: STRIPE_PER_SECOND.endpoint },
    }),
    figureOf("pace", `peak of the account in any one-second window, ${size}`, {
      unit: "calls",
      samples: [control.peakCalls({ since })],
      size,
      goal: { atMost: STRIPE_PER_SECOND.account },
    }),
  ];
}

async function unpacedCpuMs(databases: Databases, orders: number): Promise<number> {
  await using shop = await openShop(databases);
  await placeOrdersWithIntent(shop, { count: 1 });
  await shop.run();
  await placeOrdersWithIntent(shop, { count: orders });
  const before = await usageOf(shop.stack);
  await shop.run();
  return ((await usageOf(shop.stack)).cpuMs - before.cpuMs) / orders;
}

/** From the first call to the last there are as many intervals as calls, less one. */
function perSecond(calls: LoggedCall[]): number {
  const times = calls.map(({ t }) => t).toSorted((a, b) => a - b);
  return (times.length - 1) / ((times.at(-1)! - times[0]!) / 1_000);
}

/** Milliseconds from the arrival of the last read of an intent to the arrival of its cancel. */
function gapsToCancel(calls: LoggedCall[]): number[] {
  const readAt = new Map<string, number>();
  const gaps: number[] = [];
  for (const { endpoint, objectId, t } of calls) {
    if (endpoint === "payment_intents.retrieve") readAt.set(objectId, t);
    if (endpoint === CANCEL) gaps.push(t - readAt.get(objectId)!);
  }
  return gaps;
}
