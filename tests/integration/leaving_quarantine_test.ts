import assert from "node:assert/strict";
import { type Shop, withShop } from "./support.ts";

// Every quarantine has a way out without SQL: redrive, declare a payment dead, resolve as paid, resolve as expired.

/** A voucher through Checkout that was never paid: its session stays complete, and Checkout does not allow its intent to be cancelled. */
async function unclosable(shop: Shop): Promise<{ orderId: string; session: string; intent: string }> {
  const orderId = await shop.placeOrder();
  const spec = { status: "complete", paymentStatus: "unpaid", intentStatus: "requires_payment_method" } as const;
  const session = await shop.addSession(orderId, spec);
  const intent = shop.stripe.checkoutSession({ id: session }).payment_intent as string;
  return { orderId, session, intent };
}

/** One grace for a customer who may just be paying, then the order is quarantined. */
async function quarantine(shop: Shop, orderId: string): Promise<void> {
  await shop.run();
  await shop.dueNow();
  await shop.run();
  const { status, reason } = await shop.orderOf(orderId);
  assert.deepEqual([status, reason], ["quarantined", "checkout_unclosable"]);
}

const declareDead = ({ sql }: Shop, stripeId: string) =>
  sql`select public.lapse_declare_dead(p_stripe_id => ${stripeId}, p_reason => 'the boleto lapsed', p_requested_by => 'test')`;

async function resolve(shop: Shop, orderId: string, as: "paid" | "expired") {
  const [row] = await shop.sql<{ answer: { runId?: string; status?: string } }[]>`
    select public.lapse_resolve_order(p_ref => ${orderId}, p_as => ${as}, p_reason => 'looked at it', p_requested_by => 'test') as answer`;
  if (row!.answer?.runId) await shop.run({ runId: row!.answer.runId });
}

Deno.test("an unpaid voucher through Checkout releases its stock after an operator vouches for it", async () => {
  await withShop({}, async (shop) => {
    const { orderId, session } = await unclosable(shop);
    await quarantine(shop, orderId);
    await declareDead(shop, session);
    await shop.dueNow();
    const mark = shop.stripe.mark();
    assert.equal((await shop.run()).ordersExpired, 1);
    assert.equal((await shop.orderOf(orderId)).status, "expired");
    const asked = shop.stripe.calls({ since: mark }).filter(({ endpoint }) => !endpoint.endsWith(".list"));
    assert.deepEqual(asked, [], "nothing else was to be asked");
    assert.equal((await shop.stockOf()).reserved, 0);
  });
});

Deno.test("an order with another payment that is paid is paid, whatever was declared dead", async () => {
  await withShop({}, async (shop) => {
    const { orderId, session } = await unclosable(shop);
    const other = await shop.addIntent(orderId);
    await quarantine(shop, orderId);
    assert.ok((await shop.stripe.customer({ id: other, verb: "confirm_ok" })).accepted);
    await declareDead(shop, session);
    await shop.dueNow();
    assert.equal((await shop.run()).ordersPaid, 1);
  });
});

Deno.test("a payment that was declared dead and is paid later raises an alert at once", async () => {
  // The operator vouched for it, and was wrong.
  await withShop({ unchecked: true }, async (shop) => {
    const { orderId, session, intent } = await unclosable(shop);
    await quarantine(shop, orderId);
    await declareDead(shop, session);
    await shop.dueNow();
    await shop.run();
    assert.ok((await shop.stripe.customer({ id: intent, verb: "confirm_ok" })).accepted);
    assert.equal(await shop.markPaid(orderId, session), "late_payment");
    const alerts = await shop.sql`select key, severity, details -> 'payments' as payments from lapse.alerts`;
    assert.deepEqual(alerts.map((it) => ({ ...it })), [
      { key: `late_payment:${orderId}`, severity: "critical", payments: [session] },
    ]);
  });
});

Deno.test("a quarantined order that is resolved as paid is paid in the shop too, and sells its stock", async () => {
  await withShop({}, async (shop) => {
    const orderId = await shop.placeOrder();
    const open = await shop.addIntent(orderId);
    await shop.addIntent(orderId, { status: "succeeded", amount: 1500 });
    await shop.run();
    assert.equal((await shop.orderOf(orderId)).reason, "amount_mismatch");
    await resolve(shop, orderId, "paid");
    assert.deepEqual([(await shop.orderOf(orderId)).status, await shop.shopStatusOf(orderId)], ["paid", "paid"]);
    assert.deepEqual(await shop.stockOf(), { onHand: 99_998, reserved: 0 });
    // What is left open of it is cancelled by the next tick.
    await shop.dueNow();
    await shop.run();
    assert.equal(shop.stripe.paymentIntent({ id: open }).status, "canceled");
  });
});

Deno.test("resolving as expired asks Stripe, cancels what it can, and declares payments dead that Stripe does not know", async () => {
  await withShop({}, async (shop) => {
    const orderId = await shop.placeOrder();
    const open = await shop.addIntent(orderId);
    const elsewhere = await shop.addIntent(orderId, { livemode: true });
    await shop.run();
    assert.equal((await shop.orderOf(orderId)).reason, "payment_not_found");
    await resolve(shop, orderId, "expired");
    // The operator's word is recorded first, and then the next tick cancels what was left alone.
    await shop.dueNow();
    await shop.run();
    assert.deepEqual([(await shop.orderOf(orderId)).status, await shop.shopStatusOf(orderId)], ["expired", "expired"]);
    assert.equal(shop.stripe.paymentIntent({ id: open }).status, "canceled");
    const [word] = await shop.sql`select evidence from lapse.payments where stripe_id = ${elsewhere}`;
    assert.equal(word!.evidence.declared_by, "test");
    assert.equal((await shop.stockOf()).reserved, 0);
  });
});

for (
  const [what, spec] of [["is there", { status: "succeeded" }], ["is possible", { status: "processing" }]] as const
) {
  Deno.test(`an order resolved as expired while money ${what} does not expire`, async () => {
    await withShop({}, async (shop) => {
      const orderId = await shop.placeOrder();
      const intent = await shop.addIntent(orderId);
      shop.stripe.addFault({ kind: "unknown_status", objectId: intent });
      await shop.run();
      assert.equal((await shop.orderOf(orderId)).reason, "unknown_status");
      shop.stripe.clearFaults();
      const { accepted } = await shop.stripe.customer({
        id: intent,
        verb: spec.status === "succeeded" ? "confirm_ok" : "async_submit",
      });
      assert.ok(accepted);
      await resolve(shop, orderId, "expired").catch(() => {});
      assert.notEqual((await shop.orderOf(orderId)).status, "expired");
      assert.notEqual(await shop.shopStatusOf(orderId), "expired");
    });
  });
}

/** The order is quarantined for this reason; then the runbook's steps are taken, and the order ends. */
type WayOut = {
  reason: string;
  pay(shop: Shop, orderId: string): Promise<string>;
  leave(shop: Shop, orderId: string, payment: string): Promise<unknown>;
  ends: "expired" | "paid";
};

const redrive = async (shop: Shop, orderId: string) => {
  await shop
    .sql`select public.lapse_redrive_order(p_ref => ${orderId}, p_reason => 'dealt with', p_requested_by => 'test')`;
  await shop.dueNow();
  await shop.run();
};
const inDashboard = async (
  shop: Shop,
  id: string,
  verb: "refund" | "dispute" | "win_dispute" | "lose_dispute" | "cancel_in_dashboard",
) => {
  assert.ok((await shop.stripe.customer({ id, verb })).accepted, verb);
};
const disputed = async (shop: Shop, orderId: string) => {
  const id = await shop.addIntent(orderId, { status: "succeeded" });
  await inDashboard(shop, id, "dispute");
  return id;
};

const WAYS: Record<string, WayOut> = {
  "paid short, then refunded": {
    reason: "amount_mismatch",
    pay: (shop, orderId) => shop.addIntent(orderId, { status: "succeeded", amount: 500 }),
    leave: async (shop, orderId, id) => (await inDashboard(shop, id, "refund"), await redrive(shop, orderId)),
    ends: "expired",
  },
  "partly captured, then refunded": {
    reason: "amount_mismatch",
    pay: (shop, orderId) => shop.addIntent(orderId, { status: "succeeded", amountReceived: 700 }),
    leave: async (shop, orderId, id) => (await inDashboard(shop, id, "refund"), await redrive(shop, orderId)),
    ends: "expired",
  },
  "given back in part, then in full": {
    reason: "partly_refunded",
    pay: async (shop, orderId) => {
      const id = await shop.addIntent(orderId, { status: "succeeded" });
      await shop.stripe.customer({ id, verb: "refund", amount: 500 });
      return id;
    },
    leave: async (shop, orderId, id) => (await inDashboard(shop, id, "refund"), await redrive(shop, orderId)),
    ends: "expired",
  },
  "an id that never existed": {
    reason: "payment_not_found",
    pay: async (shop, orderId) => {
      await shop.attach(orderId, "pi_3Invented");
      return "pi_3Invented";
    },
    leave: async (shop, _, id) => (await declareDead(shop, id), await shop.dueNow(), await shop.run()),
    ends: "expired",
  },
  "a voucher without expiry, cancelled": {
    reason: "voucher_expiry_unknown",
    pay: (shop, orderId) =>
      shop.addIntent(orderId, {
        status: "requires_action",
        nextAction: "oxxo",
        expiresAt: null,
        created: Math.floor(Date.now() / 1_000) - 30 * 86_400,
      }),
    leave: async (
      shop,
      orderId,
      id,
    ) => (await inDashboard(shop, id, "cancel_in_dashboard"), await redrive(shop, orderId)),
    ends: "expired",
  },
  "an unknown status, seen as paid": {
    reason: "unknown_status",
    pay: (shop, orderId) => shop.addIntent(orderId, { status: "requires_blessing" }),
    leave: (shop, orderId) => resolve(shop, orderId, "paid"),
    ends: "paid",
  },
  "a dispute, won": {
    reason: "disputed",
    pay: disputed,
    leave: async (
      shop,
      orderId,
      id,
    ) => (await inDashboard(shop, id, "win_dispute"), await resolve(shop, orderId, "paid")),
    ends: "paid",
  },
  "a dispute, lost": {
    reason: "disputed",
    pay: disputed,
    leave: async (
      shop,
      orderId,
      id,
    ) => (await inDashboard(shop, id, "lose_dispute"), await resolve(shop, orderId, "expired")),
    ends: "expired",
  },
};

for (const [name, { reason, pay, leave, ends }] of Object.entries(WAYS)) {
  Deno.test(`out of quarantine: ${name}`, async () => {
    await withShop({}, async (shop) => {
      const orderId = await shop.placeOrder();
      const id = await pay(shop, orderId);
      await shop.run();
      assert.deepEqual([(await shop.orderOf(orderId)).status, (await shop.orderOf(orderId)).reason], [
        "quarantined",
        reason,
      ]);
      await leave(shop, orderId, id);
      assert.equal((await shop.orderOf(orderId)).status, ends);
      assert.equal(await shop.shopStatusOf(orderId), ends);
    });
  });
}
