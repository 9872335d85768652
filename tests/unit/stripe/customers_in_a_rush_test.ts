import assert from "node:assert/strict";
import { examineOrders } from "../../../functions/_shared/protocol/examine-orders.ts";
import { DEFAULT_POLICY } from "../../../functions/_shared/rules/policy.ts";
import { openStripe } from "../../../functions/_shared/stripe/gateway.ts";
import { actionIntent, at, DAY, intent, NOW, order, payment, seconds } from "../rules/builders.ts";
import { peakOf, virtualTime } from "./virtual-time.ts";

/** How far Stripe is away, there and back. */
const ROUND_TRIP_MS = 80;
/** When the customers act. */
const RUSH_AT_MS = 1_000;
const MOST_A_SECOND = 25;

type Options = {
  payments: number;
  /** Payments of one order. */
  perOrder?: number;
  paymentsPerSecond?: number;
  maxInFlight?: number;
  endpointPerSecond?: number;
  /** Which calls, by their number, Stripe refuses for rate. */
  refuses?: (call: number) => boolean;
};

/**
 * A run over so many unpaid intents, through the real gateway and in virtual time. One second after it began, every customer who can
 * still pay gets a voucher or has the card authorised. Stripe cancels either all the same, so whatever it cancelled later than one round
 * trip after that moment is what Lapse took from a customer.
 */
async function rush(
  { payments, perOrder = 1, paymentsPerSecond = 20, maxInFlight = 64, endpointPerSecond, refuses = () => false }:
    Options,
) {
  const { clock, runUntil } = virtualTime({ from: NOW, turns: 3 });
  const ids = Array.from({ length: payments }, (_, n) => `pi_${String(n).padStart(4, "0")}`);
  const intents = new Map(ids.map((id) => [id, intent({ id, metadata: {} })]));
  const sent: { at: number; isCancel: boolean }[] = [];
  const cancelledAt: number[] = [];

  const rushed = clock.sleep(RUSH_AT_MS).then(() => {
    for (const [n, id] of ids.entries()) {
      if (intents.get(id)?.status !== "requires_payment_method") continue;
      const known = { id, metadata: {} };
      const voucher = actionIntent("oxxo_display_details", { expires_after: seconds(at(DAY)) }, known);
      intents.set(id, n % 2 === 0 ? voucher : intent({ ...known, status: "requires_capture" }));
    }
  });
  async function stripe(path: string, isRefused: boolean): Promise<Response> {
    await clock.sleep(ROUND_TRIP_MS / 2);
    const [, id = "", isCancel] = /payment_intents\/(pi_\d+)(\/cancel)?$/.exec(path) ?? [];
    if (isCancel && !isRefused && intents.get(id)?.status !== "canceled") {
      intents.set(id, intent({ id, metadata: {}, status: "canceled" }));
      cancelledAt.push(clock.monotonic());
    }
    const answer = isRefused
      ? Response.json({ error: {} }, { status: 429, headers: { "stripe-rate-limited-reason": "endpoint-rate" } })
      : Response.json(intents.get(id));
    await clock.sleep(ROUND_TRIP_MS / 2);
    return answer;
  }

  const deadline = at(600_000);
  const gateway = openStripe({
    secretKey: "sk_test_unit",
    clock,
    deadline,
    paymentsPerSecond,
    ...(endpointPerSecond === undefined ? {} : { endpointPerSecond }),
    statistics: { calls: 0, throttled: 0, callsByEndpoint: {} },
    fetch: (input) => {
      const { pathname } = new URL(String(input));
      sent.push({ at: clock.monotonic(), isCancel: pathname.endsWith("/cancel") });
      return stripe(pathname, refuses(sent.length));
    },
  });
  const orders = Array.from({ length: payments / perOrder }, (_, n) => {
    const own = ids.slice(n * perOrder, (n + 1) * perOrder);
    return order({ ref: `o${n}`, payments: own.map((stripeId) => payment({ stripeId })) });
  });
  const { decisions, untouched } = await runUntil(examineOrders(orders, {
    gateway,
    clock,
    deadline,
    policy: DEFAULT_POLICY,
    metadataKey: "order_id",
    idempotencyScope: "test",
    maxInFlight,
  }));
  await rushed;
  const timesOf = (isCancel: boolean) => sent.filter((call) => call.isCancel === isCancel).map(({ at }) => at);
  return { decisions, untouched, cancelledAt, reads: timesOf(false), cancels: timesOf(true) };
}

const rows: [string, Options][] = [
  ["one by one", { payments: 200 }],
  ["three of one order", { payments: 198, perOrder: 3, maxInFlight: 4 }],
  ["while Stripe refuses every tenth call for rate", { payments: 200, refuses: (call) => call % 10 === 0 }],
  ["at more payments a second than one endpoint takes", {
    payments: 200,
    paymentsPerSecond: 60,
    endpointPerSecond: MOST_A_SECOND,
  }],
];

for (const [name, options] of rows) {
  Deno.test(`a hundred vouchers and a hundred holds that begin during a run are cancelled within one round trip or never: ${name}`, async () => {
    const { decisions, untouched, cancelledAt, reads, cancels } = await rush(options);
    assert.ok(cancelledAt.length > 0, "some were cancelled before");
    assert.ok(Math.max(...cancelledAt) <= RUSH_AT_MS + ROUND_TRIP_MS, `${Math.max(...cancelledAt)} ms`);
    assert.deepEqual(untouched, []);
    const outcomes = new Set(decisions.map(({ outcome }) => outcome));
    assert.deepEqual([...outcomes].filter((it) => !["expired", "waiting", "handed_back"].includes(it)), []);
    assert.ok(peakOf(reads) <= MOST_A_SECOND && peakOf(cancels) <= MOST_A_SECOND);
  });
}

Deno.test("at twenty payments a second, two hundred take ten seconds", async () => {
  const { reads } = await rush({ payments: 200 });
  assert.equal(reads.length, 200);
  assert.equal(Math.max(...reads), 9_750);
  assert.equal(peakOf(reads), 20);
});
