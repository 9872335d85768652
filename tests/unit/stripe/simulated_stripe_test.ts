import assert from "node:assert/strict";
import { examineOrders } from "../../../functions/_shared/protocol/examine-orders.ts";
import type { ClaimedPayment, OrderDecision } from "../../../functions/_shared/rules/orders.ts";
import { namedRef } from "../../../functions/_shared/rules/ownership.ts";
import { DEFAULT_POLICY } from "../../../functions/_shared/rules/policy.ts";
import { clockFrom } from "../../../functions/_shared/run/clock.ts";
import { openStripe } from "../../../functions/_shared/stripe/gateway.ts";
import type { Fault } from "../../../local/stripe-simulator/faults.ts";
import { startStripeSimulator, type StripeSimulator } from "../../../local/stripe-simulator/start.ts";
import { order, payment } from "../rules/builders.ts";

/** The protocol over HTTP, through the real SDK, against a Stripe that refuses, loses and stalls like the real one. */
type Row = {
  name: string;
  /** The intent's fields, or those of a session. */
  intent?: Record<string, unknown>;
  session?: Record<string, unknown>;
  faults?: Fault[];
  behaviour?: Parameters<StripeSimulator["control"]["setBehaviour"]>[0];
  /** Recorded by the id of the session's intent, not by its own. */
  byIntent?: boolean;
  expected: string;
};

const CANCEL = "payment_intents.cancel" as const;

const rows: Row[] = [
  { name: "an unpaid intent", intent: {}, expected: "expired all_dead, canceled ended_by_run" },
  { name: "a succeeded intent", intent: { status: "succeeded" }, expected: "paid paid, found_paid paid" },
  { name: "a canceled intent", intent: { status: "canceled" }, expected: "expired all_dead, found_dead already_dead" },
  { name: "a processing intent", intent: { status: "processing" }, expected: "waiting processing, kept processing" },
  {
    name: "a held authorisation",
    intent: { status: "requires_capture" },
    expected: "waiting requires_capture, kept requires_capture",
  },
  {
    name: "a customer in 3-D Secure",
    intent: { status: "requires_action" },
    expected: "waiting customer_action, kept customer_action",
  },
  {
    name: "a live voucher",
    intent: { status: "requires_action", nextAction: "oxxo" },
    expected: "waiting voucher_open, kept voucher_open",
  },
  {
    name: "an intent that names no order",
    intent: { metadata: {} },
    expected: "expired all_dead, canceled ended_by_run",
  },
  {
    name: "an intent of another order",
    intent: { metadata: { order_id: "o2" } },
    expected: "quarantined foreign_payment, kept foreign_payment",
  },
  {
    name: "a status of the future",
    intent: { status: "requires_blessing" },
    expected: "quarantined unknown_status, kept unknown_status",
  },
  { name: "an open session", session: {}, expected: "expired all_dead, canceled ended_by_run" },
  {
    name: "an open session after a declined card",
    session: { intentStatus: "requires_payment_method" },
    expected: "expired all_dead, canceled ended_by_run",
  },
  {
    name: "a paid session",
    session: { status: "complete", paymentStatus: "paid" },
    expected: "paid paid, found_paid paid",
  },
  {
    name: "a session with a debit under way",
    session: { status: "complete", paymentStatus: "unpaid" },
    expected: "waiting processing, kept processing",
  },
  { name: "an expired session", session: { status: "expired" }, expected: "expired all_dead, found_dead already_dead" },
  {
    name: "a session's intent recorded by its own id",
    session: { intentStatus: "requires_payment_method" },
    byIntent: true,
    expected: "expired all_dead, canceled ended_by_run",
  },
  {
    name: "a session whose intent outlives it",
    session: { intentStatus: "requires_payment_method" },
    behaviour: { expiringSessionCancelsIntent: "never" },
    expected: "retry checkout_closing, kept checkout_closing",
  },
  ...(["execute_then_reset", "execute_then_cut_body", "execute_then_hang"] as const).map((kind): Row => ({
    name: `a cancel with ${kind}: another look proves it`,
    intent: {},
    faults: [{ kind, endpoint: CANCEL }],
    expected: "expired all_dead, canceled ended_reply_lost",
  })),
  {
    name: "a saved 500 that was executed: another look proves it",
    intent: {},
    faults: [{ kind: "error_500", endpoint: CANCEL, executes: true, times: 1 }],
    expected: "expired all_dead, canceled ended_reply_lost",
  },
  {
    name: "a saved 500 that was not executed: cancelled with a new key after another look",
    intent: {},
    faults: [{ kind: "error_500", endpoint: CANCEL, times: 1 }],
    expected: "expired all_dead, canceled ended_by_run",
  },
  {
    name: "a 500 at every cancel: tried again later",
    intent: {},
    faults: [{ kind: "error_500", endpoint: CANCEL }],
    expected: "retry server_error, kept server_error",
  },
  {
    name: "a proxy's 502 on the read, once",
    intent: {},
    faults: [{ kind: "error_502_html", times: 1 }],
    expected: "expired all_dead, canceled ended_by_run",
  },
  {
    name: "a rate limit, once",
    intent: {},
    faults: [{ kind: "rate_limited", reason: "endpoint-rate", endpoint: CANCEL, times: 1 }],
    expected: "expired all_dead, canceled ended_by_run",
  },
  {
    name: "a lasting rate limit",
    intent: {},
    faults: [{ kind: "rate_limited", reason: "global-rate" }],
    expected: "handed_back throttled, kept throttled",
  },
  {
    name: "a locked intent",
    intent: {},
    faults: [{ kind: "lock_timeout", endpoint: CANCEL, shouldRetry: true }],
    expected: "retry object_busy, kept object_busy",
  },
  {
    name: "a reply without amount_received",
    intent: {},
    faults: [{ kind: "missing_field", field: "amount_received" }],
    expected: "retry bad_reply, kept bad_reply",
  },
  {
    name: "an intent Stripe does not know",
    intent: {},
    faults: [{ kind: "not_found" }],
    expected: "quarantined payment_not_found, kept payment_not_found",
  },
  { name: "a revoked key", intent: {}, faults: [{ kind: "unauthorized" }], expected: "untouched, stop key_rejected" },
  {
    name: "a key without the right",
    intent: {},
    faults: [{ kind: "forbidden" }],
    expected: "untouched, stop permission_denied",
  },
];

for (const row of rows) {
  Deno.test(`against a simulated Stripe: ${row.name}`, async () => {
    const simulator = await startStripeSimulator({ preset: "unlimited" });
    try {
      const claimed = place(simulator, row);
      if (row.behaviour) simulator.control.setBehaviour(row.behaviour);
      row.faults?.forEach((fault) => simulator.control.addFault(fault));
      assert.equal(await examine(simulator, claimed), row.expected);
    } finally {
      await simulator.close();
    }
  });
}

for (const refusalCarriesIntent of [true, false]) {
  for (
    const [verb, expected] of [
      ["confirm_ok", "paid paid, found_paid paid"],
      ["async_submit", "waiting processing, kept processing"],
      ["authorise", "expired all_dead, canceled ended_by_run"],
    ] as const
  ) {
    const name = `${verb} between read and cancel, the refusal ${
      refusalCarriesIntent ? "carries" : "lacks"
    } the intent`;
    Deno.test(`against a simulated Stripe: ${name}`, async () => {
      const simulator = await startStripeSimulator({ preset: "unlimited" });
      try {
        const claimed = place(simulator, { name, intent: {}, expected });
        simulator.control.setBehaviour({ refusalCarriesIntent });
        const act = () => simulator.control.customer({ id: claimed.stripeId, verb });
        assert.equal(await examine(simulator, claimed, { beforeCancel: act }), expected);
      } finally {
        await simulator.close();
      }
    });
  }
}

Deno.test("against a simulated Stripe: both lists of a window, with the orders they name and Stripe's own time", async () => {
  const simulator = await startStripeSimulator({ preset: "unlimited" });
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  try {
    const paid = { amount: 5000, currency: "eur", metadata: { order_id: "o1" } };
    const [intent] = simulator.control.createPaymentIntents([paid]);
    const [session] = simulator.control.createCheckoutSessions([{ ...paid, metadata: {}, clientReferenceId: "o2" }]);
    const gateway = gatewayOf(simulator, (input, init) => fetch(input, { ...init, client }));
    const window = { account: "", from: new Date(0), to: new Date(Date.now() + 60_000), startingAfter: null };
    const lists = await Promise.all([gateway.listIntents(window), gateway.listSessions(window)]);
    const found = lists.map((outcome) => {
      assert.ok(outcome.kind === "object" && outcome.object.answeredAt !== null);
      return outcome.object.payments.map((it) => [it.id, namedRef(it, "order_id")]);
    });
    assert.deepEqual(found, [[[intent, "o1"]], [[session?.id, "o2"]]]);
  } finally {
    await simulator.close();
  }
});

function place({ control }: StripeSimulator, { intent, session, byIntent }: Row): ClaimedPayment {
  const common = { amount: 5000, currency: "eur", metadata: { order_id: "o1" } };
  if (intent) return payment({ stripeId: control.createPaymentIntents([{ ...common, ...intent }])[0] });
  const made = control.createCheckoutSessions([{ ...common, ...session }])[0];
  return payment({ stripeId: (byIntent ? made?.paymentIntent : made?.id) ?? "" });
}

function gatewayOf({ apiBase }: StripeSimulator, over: typeof fetch) {
  return openStripe({
    secretKey: "sk_test_simulated",
    apiBase,
    fetch: over,
    clock: clockFrom(new Date()),
    deadline: new Date(Date.now() + 20_000),
    paymentsPerSecond: 100,
    statistics: { calls: 0, throttled: 0, callsByEndpoint: {} },
    timeoutMs: 600,
    firstPauseMs: 5,
  });
}

async function examine(
  simulator: StripeSimulator,
  claimed: ClaimedPayment,
  { beforeCancel }: { beforeCancel?: () => Promise<unknown> } = {},
): Promise<string> {
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const gateway = gatewayOf(simulator, async (input, init) => {
    if (String(input).endsWith("/cancel")) await beforeCancel?.();
    return await fetch(input, { ...init, client });
  });
  const batch = await examineOrders([order({ payments: [claimed] })], {
    gateway,
    clock: clockFrom(new Date()),
    deadline: new Date(Date.now() + 20_000),
    policy: DEFAULT_POLICY,
    metadataKey: "order_id",
    idempotencyScope: "test",
  });
  return batch.decisions[0] ? summary(batch.decisions[0]) : `untouched, stop ${batch.stop}`;
}

function summary({ outcome, reason, payments: [first] }: OrderDecision): string {
  return `${outcome} ${reason}, ${first?.outcome} ${first?.reason}`;
}
