import type { Databases } from "../local/platform/databases.ts";
import { placeOrdersWithIntent } from "./support/backlog.ts";
import type { Bench, Size } from "./support/bench.ts";
import { startCountingProxy } from "./support/counting-proxy.ts";
import { type Figure, figureOf } from "./support/figure.ts";
import { usageOf } from "./support/function-process.ts";
import { openShop } from "./support/shop.ts";

/** Of orders created a second apart, which are read in pages, and of orders five minutes apart, which are read one by one. */
const SIZES = { toy: [60, 30], quick: [600, 300], full: [3_000, 600] } as const;
const ENDPOINT = "payment_intents.cancel";
/** What Lapse allows itself per endpoint, and what Stripe allows (docs.stripe.com/rate-limits). */
const BUDGET_PER_SECOND = 20;
const STRIPE_PER_SECOND = { endpoint: 25, account: 100 };
const LATENCY_MS = 80;

/** A backlog at Stripe's own limits, live mode: how much of the call budget is used, and at what price. */
export const stripe: Bench = {
  name: "stripe",
  also: ["budget"],
  async run(scale: Size, databases: Databases): Promise<Figure[]> {
    const [inPages, oneByOne] = SIZES[scale];
    return [
      ...await expire(databases, { name: "in pages", orders: inPages, spacingSeconds: 1 }),
      ...await expire(databases, { name: "one by one", orders: oneByOne, spacingSeconds: 300 }),
    ];
  },
};

type Backlog = { name: string; orders: number; spacingSeconds: number };

async function expire(databases: Databases, { name, orders, spacingSeconds }: Backlog): Promise<Figure[]> {
  await using proxy = startCountingProxy();
  await using shop = await openShop(databases, {
    paced: true,
    simulator: { preset: "live", latencyMs: LATENCY_MS },
    functionsEnv: { STRIPE_SECRET_KEY: "sk_live_local", SUPABASE_URL: proxy.url },
  });
  proxy.forwardTo(shop.stack.apiUrl);
  // One invocation from the first call to the last; between two of them a continuation starts.
  await shop.sql`update jobs.settings set lease = '5 minutes', run_seconds = 290, claim_seconds = 280`;
  const control = shop.stack.simulator!.control;
  // Start-up apart: it has expired a first order before it is measured.
  await placeOrdersWithIntent(shop, { count: 1, spacingSeconds, livemode: true });
  await shop.run();
  proxy.calls.clear();
  const mark = control.mark();
  await placeOrdersWithIntent(shop, { count: orders, spacingSeconds, livemode: true });
  const before = await usageOf(shop.stack);
  const report = await shop.run();
  const after = await usageOf(shop.stack);
  if (report.paymentsExpired !== orders) throw new Error(`Cannot measure: ${report.paymentsExpired} expired`);

  const calls = control.calls({ endpoint: ENDPOINT, since: mark }).map(({ t }) => t).sort((a, b) => a - b);
  // From the first call to the last there are as many intervals as calls, less one.
  const perSecond = (calls.length - 1) / ((calls.at(-1)! - calls[0]!) / 1_000);
  const reservations = proxy.calls.get("jobs_reserve_calls") ?? 0;
  const size = `${orders} orders read ${name}, one invocation, ${LATENCY_MS} ms latency`;
  return [
    figureOf("stripe", `call budget used between first and last cancel, read ${name}`, {
      unit: "%",
      samples: [perSecond / BUDGET_PER_SECOND * 100],
      size,
      goal: { atLeast: 97 },
      behind: { cancelsPerSecond: perSecond, durationMs: report.durationMs ?? 0, expired: report.paymentsExpired },
    }),
    figureOf("stripe", `refusals for rate, read ${name}`, {
      unit: "calls",
      samples: [control.rateLimitedCalls({ since: mark }).length],
      size,
      goal: { atMost: 0 },
    }),
    figureOf("stripe", `peak of one endpoint in any one-second window, read ${name}`, {
      unit: "calls",
      samples: [control.peakCalls({ endpoint: ENDPOINT, since: mark })],
      size,
      goal: { atMost: STRIPE_PER_SECOND.endpoint },
      behind: { budget: BUDGET_PER_SECOND },
    }),
    figureOf("stripe", `peak of the account in any one-second window, read ${name}`, {
      unit: "calls",
      samples: [control.peakCalls({ since: mark })],
      size,
      goal: { atMost: STRIPE_PER_SECOND.account },
      behind: { budget: STRIPE_PER_SECOND.account / 2 },
    }),
    figureOf("stripe", `CPU per expired order at this pace, read ${name}`, {
      unit: "ms",
      samples: [(after.cpuMs - before.cpuMs) / orders],
      size,
    }),
    figureOf("budget", `database calls of the call budget per 50 calls to Stripe, read ${name}`, {
      unit: "calls",
      samples: [reservations / (report.stripeCalls / 50)],
      size,
      goal: { atMost: 1 },
      behind: {
        reservations,
        stripeCalls: report.stripeCalls,
        callsPerReservation: report.stripeCalls / reservations,
      },
    }),
  ];
}
