import type { Databases } from "../local/platform/databases.ts";
import { placeOrdersWithIntent } from "./support/backlog.ts";
import type { Bench, Size } from "./support/bench.ts";
import { type Figure, figureOf, median, percentile } from "./support/figure.ts";
import { openShop, type Shop } from "./support/shop.ts";

const SIZES = { toy: 5, quick: 150, full: 500 };
const LATENCY_MS = 80;

/** From the moment at which Stripe sends an event to the answer that the order is recorded as paid; one after the other. */
export const webhook: Bench = {
  name: "webhook",
  async run(size: Size, databases: Databases): Promise<Figure[]> {
    await using shop = await openShop(databases, { webhook: true, simulator: { preset: "unlimited" } });
    const { control } = shop.stack.simulator!;
    await shop.sql`update lapse.settings set webhook_payments_per_second = 1000 where only_row`;
    // Events are kept at Stripe until this bench delivers them.
    control.setWebhook({
      url: `${shop.stack.apiUrl}/functions/v1/lapse-webhook`,
      secret: shop.stack.stripeWebhookSecret,
      types: ["payment_intent.succeeded"],
      dropProbability: 1,
    });
    await placeOrdersWithIntent(shop, { count: SIZES[size] + 1 });
    for (const { id } of control.paymentIntents()) await control.customer({ id, verb: "confirm_ok" });
    const [first, ...events] = control.events().filter(({ type }) => type === "payment_intent.succeeded");
    // Start-up apart.
    await control.resendEvent(first!);
    control.setLatency({ latencyMs: LATENCY_MS });
    const times = { event: [] as number[], read: [] as number[] };
    for (const event of events) {
      times.read.push(await timed(() => readAtStripe(shop, event.object)));
      times.event.push(await timed(() => control.resendEvent(event)));
    }
    const [paid] = await shop.sql`select count(*)::int as n from public.orders where status = 'paid'`;
    if (paid!.n !== SIZES[size] + 1) throw new Error(`Cannot measure: ${paid!.n} orders are paid`);
    return [
      figureOf("webhook", "from event to paid order, 95th percentile, over one read at Stripe", {
        unit: "ratio",
        samples: [percentile(times.event, 0.95) / median(times.read)],
        size: `${events.length} events, ${LATENCY_MS} ms from Stripe`,
        goal: { atMost: 2 },
        behind: { eventMedianMs: median(times.event), readMedianMs: median(times.read) },
      }),
    ];
  },
};

async function readAtStripe({ stack }: Shop, id: string): Promise<void> {
  const headers = { authorization: "Bearer sk_test_local" };
  await (await fetch(`${stack.stripeApiBase}/v1/payment_intents/${id}`, { headers })).json();
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
