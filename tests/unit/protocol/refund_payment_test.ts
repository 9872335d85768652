import assert from "node:assert/strict";
import { refundPayment } from "../../../functions/_shared/protocol/refund-payment.ts";
import type { DueRefund } from "../../../functions/_shared/rules/refunds.ts";
import { clockFrom } from "../../../functions/_shared/run/clock.ts";
import { openStripe, type StripeGateway } from "../../../functions/_shared/stripe/gateway.ts";
import type { StripeControl } from "../../../local/stripe-simulator/control.ts";
import type { IntentSpec } from "../../../local/stripe-simulator/specs.ts";
import { startStripeSimulator } from "../../../local/stripe-simulator/start.ts";

const ROW = "6f2c7f6e-1a53-4a0e-9c3a-222222222222";

type Setup = {
  control: StripeControl;
  /** A paid intent of 2000 cents of order o1. */
  pay(spec?: IntentSpec): string;
  /** One attempt at the refund of a payment, over the real SDK. */
  attempt(stripeId: string, more?: Partial<DueRefund>): ReturnType<typeof refundPayment>;
  /** Refunds at Stripe, the oldest first. */
  made(): [amount: number, mark: string | undefined][];
};

async function withStripe(test: (setup: Setup) => Promise<void>): Promise<void> {
  const simulator = await startStripeSimulator({ preset: "unlimited" });
  const { control } = simulator;
  const clock = clockFrom(new Date());
  const gateway: StripeGateway = openStripe({
    secretKey: "sk_test_refunds",
    apiBase: simulator.apiBase,
    fetch,
    timeoutMs: 300,
    clock,
    deadline: new Date(clock.now().getTime() + 60_000),
    paymentsPerSecond: 1_000,
    statistics: { calls: 0, throttled: 0, callsByEndpoint: {} },
    firstPauseMs: 1,
  });
  try {
    await test({
      control,
      pay: (spec = {}) =>
        control.createPaymentIntents([{
          amount: 2000,
          status: "succeeded",
          metadata: { order_id: "o1" },
          ...spec,
        }])[0]!,
      attempt: (stripeId, more = {}) =>
        refundPayment(
          { id: ROW, stripeId, account: "", ref: "o1", source: "server", attempt: 1, keyNumber: 1, ...more },
          { gateway, metadataKey: "order_id" },
        ),
      made: () => control.refunds().map(({ amount, metadata }) => [amount, metadata?.lapse_refund]),
    });
  } finally {
    gateway.close();
    await simulator.close();
  }
}

Deno.test("the rest of a payment is refunded, and the refund names its row and its order", () =>
  withStripe(async ({ control, pay, attempt, made }) => {
    const id = pay();
    await control.customer({ id, verb: "refund", amount: 500 });
    const { refundId, ...result } = await attempt(id);
    assert.deepEqual(result, {
      outcome: "succeeded",
      intent: id,
      currency: "eur",
      amount: 1500,
      amountRefunded: 2000,
    });
    assert.deepEqual(made(), [[500, undefined], [1500, `${ROW}.1`]]);
    const refund = control.refunds()[1]!;
    assert.deepEqual([refund.id, refund.metadata?.order_id], [refundId, "o1"]);
  }));

Deno.test("the money of a session is that of its intent", () =>
  withStripe(async ({ control, attempt, made }) => {
    const [session] = control.createCheckoutSessions([{
      status: "complete",
      amount: 700,
      metadata: { order_id: "o1" },
    }]);
    const result = await attempt(session!.id);
    assert.deepEqual([result.outcome, result.amount, made().length], ["succeeded", 700, 1]);
    assert.equal(result.intent, control.checkoutSession({ id: session!.id }).payment_intent);
  }));

Deno.test("a refund whose reply was lost is found, and not made again", () =>
  withStripe(async ({ control, pay, attempt, made }) => {
    for (const kind of ["execute_then_cut_body", "execute_then_hang"] as const) {
      const before = made().length;
      const id = pay();
      const fault = control.addFault({ kind, endpoint: "refunds.create", times: 1 });
      assert.equal((await attempt(id)).outcome, "retry", kind);
      control.removeFault({ id: fault });
      const again = await attempt(id, { attempt: 2 });
      assert.deepEqual([again.outcome, again.amount, made().length - before], ["succeeded", 2000, 1], kind);
    }
  }));

Deno.test("an unknown outcome is retried with the same key, a definite refusal with another", () =>
  withStripe(async ({ control, pay, attempt, made }) => {
    const id = pay();
    control.addFault({ kind: "error_500", endpoint: "refunds.create", saved: true, times: 1 });
    const unknown = await attempt(id);
    assert.deepEqual([unknown.outcome, unknown.error], ["retry", "unknown: server_error"]);
    // Stripe keeps the reply to the first call of this key, and refuses another amount under it.
    await control.customer({ id, verb: "refund", amount: 500 });
    const refused = await attempt(id);
    assert.deepEqual([refused.outcome, refused.error], ["refused", "quarantine: idempotency_mismatch"]);
    const again = await attempt(id, { keyNumber: 2 });
    assert.deepEqual([again.outcome, again.amount], ["succeeded", 1500]);
    assert.deepEqual(made(), [[500, undefined], [1500, `${ROW}.2`]]);
  }));

Deno.test("money that somebody refunds manually at the same moment is not refunded again", () =>
  withStripe(async ({ control, pay, attempt, made }) => {
    const id = pay();
    // Between this attempt's read and its refund.
    control.addFault({ kind: "delay", endpoint: "refunds.create", delayMs: 100, times: 1 });
    const attempted = attempt(id);
    while (control.countCalls({ endpoint: "refunds.create" }) === 0) await new Promise((done) => setTimeout(done, 1));
    await control.customer({ id, verb: "refund" });
    const refused = await attempted;
    assert.deepEqual([refused.outcome, refused.error], ["refused", "charge_already_refunded"]);
    const again = await attempt(id, { keyNumber: 2 });
    assert.deepEqual([again.outcome, again.amountRefunded], ["succeeded", 2000]);
    assert.deepEqual(made(), [[2000, undefined]]);
  }));

Deno.test("a refund that waits for a bank is pending until the bank decides", () =>
  withStripe(async ({ control, pay, attempt, made }) => {
    control.setBehaviour({ refundStatus: "pending" });
    for (const [verb, outcome] of [["settle_refund", "succeeded"], ["fail_refund", "failed"]] as const) {
      const id = pay();
      assert.equal((await attempt(id)).outcome, "pending");
      assert.equal((await attempt(id, { attempt: 2 })).outcome, "pending", "asked again, and not made again");
      await control.customer({ id, verb });
      assert.equal((await attempt(id, { attempt: 3 })).outcome, outcome);
    }
    assert.equal(made().length, 2);
  }));

Deno.test("money that is not the order's, is disputed or was transferred is left to an operator", () =>
  withStripe(async ({ control, pay, attempt, made }) => {
    const disputed = pay();
    await control.customer({ id: disputed, verb: "dispute" });
    const cases: [string, string, RegExp][] = [
      ["unpaid", pay({ status: "requires_payment_method" }), /received no money/],
      ["of another order", pay({ metadata: { order_id: "o2" } }), /foreign_payment/],
      ["unknown to Stripe", "pi_nobody", /payment_not_found/],
      ["disputed", disputed, /disputed/],
    ];
    for (const [what, id, said] of cases) {
      const { outcome, error } = await attempt(id);
      assert.equal(outcome, "failed", what);
      assert.match(error!, said);
    }
    assert.deepEqual(made(), []);
  }));

Deno.test("a key without permission and an unreachable account change nothing and are retried", () =>
  withStripe(async ({ control, pay, attempt, made }) => {
    control.forbidKey({ key: "sk_test_refunds", endpoints: ["refunds.create"] });
    const result = await attempt(pay());
    assert.deepEqual([result.outcome, result.error], ["retry", "stop: permission_denied"]);
    assert.deepEqual(made(), []);
  }));
