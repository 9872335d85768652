import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { eventually, type Shop, withShop } from "./support.ts";

const IN_THREE_DAYS = Math.floor(Date.now() / 1_000) + 3 * 86_400;
type Verb = Parameters<Shop["stripe"]["customer"]>[0]["verb"];

/** A shop whose events go to lapse-webhook, at a pace that tests do not notice. */
async function withWebhook(
  test: (shop: Shop) => Promise<void>,
  options: Parameters<typeof withShop>[0] = {},
): Promise<void> {
  await withShop({ webhook: true, ...options }, async (shop) => {
    await shop.sql`update lapse.settings set webhook_payments_per_second = 1000`;
    await test(shop);
  });
}

const endpoint = (shop: Shop, payload: "snapshot" | "thin" = "snapshot") => ({
  url: `${shop.stack.apiUrl}/functions/v1/lapse-webhook`,
  secret: shop.stack.stripeWebhookSecret,
  payload,
});

/** Events are kept at Stripe, and delivered when the test says so. */
function holdEvents(shop: Shop, payload?: "snapshot" | "thin"): void {
  shop.stripe.setWebhook({ ...endpoint(shop, payload), dropProbability: 1 });
}

async function act(shop: Shop, id: string, verb: Verb, more = {}): Promise<void> {
  const { accepted } = await shop.stripe.customer({ id, verb, ...more });
  assert.ok(accepted, `${verb} of ${id}`);
}

async function expireSession(shop: Shop, id: string): Promise<void> {
  const response = await fetch(`${shop.stack.stripeApiBase}/v1/checkout/sessions/${id}/expire`, {
    method: "POST",
    headers: { authorization: "Bearer sk_test_local" },
  });
  assert.equal(response.status, 200, await response.text());
}

/** What customers, banks and the shop's staff do to a payment. Together they cause every event that Lapse acts on. */
const stories: Record<string, (shop: Shop, order: string) => Promise<void>> = {
  paid: async (shop, order) => await act(shop, await shop.addIntent(order), "confirm_ok"),
  processing: async (shop, order) => await act(shop, await shop.addIntent(order), "async_submit"),
  "processing, then paid": async (shop, order) => {
    const id = await shop.addIntent(order);
    await act(shop, id, "async_submit");
    await act(shop, id, "async_settle");
  },
  "processing, then failed": async (shop, order) => {
    const id = await shop.addIntent(order);
    await act(shop, id, "async_submit");
    await act(shop, id, "async_fail");
  },
  authorised: async (shop, order) => await act(shop, await shop.addIntent(order), "authorise"),
  "authorised, then captured": async (shop, order) => {
    const id = await shop.addIntent(order);
    await act(shop, id, "authorise");
    await act(shop, id, "capture");
  },
  "in 3-D Secure": async (shop, order) => await act(shop, await shop.addIntent(order), "start_3ds"),
  "a voucher": async (shop, order) =>
    await act(shop, await shop.addIntent(order), "voucher_issue", { expiresAt: IN_THREE_DAYS }),
  "a voucher, paid": async (shop, order) => {
    const id = await shop.addIntent(order);
    await act(shop, id, "voucher_issue", { expiresAt: IN_THREE_DAYS });
    await act(shop, id, "voucher_pay");
  },
  "a bank transfer, partly": async (shop, order) => {
    const id = await shop.addIntent(order);
    await act(shop, id, "bank_issue");
    await act(shop, id, "bank_fund", { amount: 500 });
  },
  canceled: async (shop, order) => await act(shop, await shop.addIntent(order), "cancel_in_dashboard"),
  "a session": async (shop, order) => await act(shop, await shop.addSession(order), "confirm_session"),
  "a session and its intent": async (shop, order) => {
    const id = await shop.addSession(order, { intentMetadata: { order_id: order } });
    await act(shop, id, "confirm_session");
  },
  "a session and its intent, both attached": async (shop, order) => {
    const id = await shop.addSession(order, {
      intentStatus: "requires_payment_method",
      intentMetadata: { order_id: order },
    });
    await shop.attach(order, shop.stripe.checkoutSession({ id }).payment_intent as string);
    await act(shop, id, "confirm_session");
  },
  "a session of a slow method, paid": async (shop, order) => {
    const id = await shop.addSession(order);
    await act(shop, id, "confirm_session", { outcome: "processing" });
    await act(shop, shop.stripe.checkoutSession({ id }).payment_intent as string, "async_settle");
  },
  "a session of a slow method, failed": async (shop, order) => {
    const id = await shop.addSession(order);
    await act(shop, id, "confirm_session", { outcome: "processing" });
    await act(shop, shop.stripe.checkoutSession({ id }).payment_intent as string, "async_fail");
  },
  "an expired session": async (shop, order) => await expireSession(shop, await shop.addSession(order)),
  "a payment beside one that nobody used": async (shop, order) => {
    await shop.addIntent(order);
    await act(shop, await shop.addIntent(order), "confirm_ok");
  },
  "two payments": async (shop, order) => {
    for (let n = 0; n < 2; n++) await act(shop, await shop.addIntent(order), "confirm_ok");
  },
  "paid, then given back": async (shop, order) => {
    const id = await shop.addIntent(order);
    await act(shop, id, "confirm_ok");
    await act(shop, id, "refund");
  },
  "a session, paid, then given back in two parts": async (shop, order) => {
    const id = await shop.addSession(order);
    await act(shop, id, "confirm_session");
    const intent = shop.stripe.checkoutSession({ id }).payment_intent as string;
    await act(shop, intent, "refund", { amount: 500 });
    await act(shop, intent, "refund");
  },
  "paid, then given back in part": async (shop, order) => {
    const id = await shop.addIntent(order);
    await act(shop, id, "confirm_ok");
    await act(shop, id, "refund", { amount: 500 });
  },
  "paid, then disputed": async (shop, order) => {
    const id = await shop.addIntent(order);
    await act(shop, id, "confirm_ok");
    await act(shop, id, "dispute");
  },
  "a payment nobody attached": async (shop, order) => await act(shop, shop.leaveIntent(order), "confirm_ok"),
  "a session nobody attached": async (shop, order) => await act(shop, shop.leaveSession(order), "confirm_session"),
};

/** How the events of each story are delivered; the runs come between. */
type Delivery = { deliver: (ids: string[]) => string[]; late?: boolean; payload?: "thin" };
const deliveries: Record<string, Delivery> = {
  once: { deliver: (ids) => ids },
  twice: { deliver: (ids) => ids.flatMap((id) => [id, id]) },
  "in reverse": { deliver: (ids) => ids.toReversed() },
  "in reverse, each twice": { deliver: (ids) => [...ids.toReversed(), ...ids] },
  "after the order was decided": { deliver: (ids) => ids, late: true },
  thin: { deliver: (ids) => ids, payload: "thin" },
  "thin, in reverse, after the order was decided": { deliver: (ids) => ids.toReversed(), late: true, payload: "thin" },
};

/** Plays all stories, each in a separate order, and returns how each order ends. */
async function play({ deliver, late = false, payload }: Delivery): Promise<Record<string, unknown>> {
  const ends: Record<string, unknown> = {};
  await withWebhook(async (shop) => {
    holdEvents(shop, payload);
    const orders: Record<string, string> = {};
    for (const [story, tell] of Object.entries(stories)) await tell(shop, orders[story] = await shop.placeOrder());
    const events = shop.stripe.events().map(({ id }) => id);
    const sendAll = async () => {
      for (const id of deliver(events)) await shop.stripe.resendEvent({ id });
    };
    const work = async () => {
      for (let n = 0; n < 3; n++) {
        await shop.dueNow();
        await shop.run();
      }
    };
    if (!late) await sendAll();
    if (deliver !== none && !late) await assertSettled(shop, orders);
    await work();
    if (late) await sendAll();
    await work();
    const refused = shop.stripe.webhookDeliveries().filter(({ status }) => status !== null && status !== 200);
    assert.deepEqual(refused, []);
    for (const [story, order] of Object.entries(orders)) ends[story] = await endOf(shop, order);
    ends.stock = await shop.stockOf();
  });
  return ends;
}

/** The result of an order. */
async function endOf(shop: Shop, order: string) {
  const { status } = await shop.orderOf(order);
  const payments = await shop.sql<{ state: string }[]>`
    select state from lapse.payments where ref = ${order} and source <> 'list' order by kind, state`;
  const alerts = (await shop.openAlerts()).filter((line) => line.endsWith(order));
  return {
    status,
    shop: await shop.shopStatusOf(order),
    payments: payments.map(({ state }) => state),
    alerts: alerts.map((line) => line.replace(order, "order")),
  };
}

const none = () => [];

/** Otherwise the runs would do it all, and the events be for nothing. */
async function assertSettled({ sql }: Shop, orders: Record<string, string>): Promise<void> {
  const paid = await sql<{ ref: string }[]>`select ref from lapse.orders where status = 'paid'`;
  const stories = Object.entries(orders).filter(([, order]) => paid.some(({ ref }) => ref === order));
  assert.deepEqual(stories.map(([story]) => story), [
    "paid",
    "processing, then paid",
    "authorised, then captured",
    "a voucher, paid",
    "a session",
    "a session and its intent",
    "a session and its intent, both attached",
    "a session of a slow method, paid",
    "a payment beside one that nobody used",
    "two payments",
    "a payment nobody attached",
    "a session nobody attached",
  ]);
}

let withoutEvents: Promise<Record<string, unknown>> | undefined;
for (const [name, delivery] of Object.entries(deliveries)) {
  Deno.test(`every kind of event, delivered ${name}, leads to the same result as no event`, async () => {
    const expected = await (withoutEvents ??= play({ deliver: none }));
    assert.deepEqual(await play(delivery), expected);
  });
}

Deno.test("a customer's payment settles its order at once while nothing is scheduled, and the other payments are cancelled", async () => {
  await withWebhook(async (shop) => {
    const order = await shop.placeOrder({ minutesAgo: 1, expiresInMinutes: 30 });
    const [paying, other] = [await shop.addIntent(order), await shop.addIntent(order)];
    const session = await shop.addSession(order);
    await act(shop, paying, "confirm_ok");
    await shop.stripe.webhooksSettled();
    assert.equal((await shop.orderOf(order)).status, "paid");
    assert.equal(await shop.shopStatusOf(order), "paid");
    assert.equal(shop.stripe.paymentIntent({ id: other }).status, "canceled");
    assert.equal(shop.stripe.checkoutSession({ id: session }).status, "expired");
    for (const id of [other, session]) assert.equal((await shop.paymentOf(id)).state, "dead");
    assert.equal((await shop.orderOf(order)).nextCheckAt, null);
    assert.deepEqual(await shop.openAlerts(), []);
  });
});

Deno.test("an event never closes an order unpaid before its deadline, whatever happened to the payment", async () => {
  await withWebhook(async (shop) => {
    for (const story of ["canceled", "an expired session", "a session of a slow method, failed"]) {
      const order = await shop.placeOrder({ minutesAgo: 1, expiresInMinutes: 30 });
      const { nextCheckAt: before } = await shop.orderOf(order).catch(() => ({ nextCheckAt: null }));
      await stories[story]!(shop, order);
      await shop.stripe.webhooksSettled();
      const { status, nextCheckAt } = await shop.orderOf(order);
      assert.equal(status, "pending", story);
      assert.ok(nextCheckAt! > new Date(), story);
      if (before !== null) assert.deepEqual(nextCheckAt, before, story);
    }
    assert.equal((await shop.stockOf()).reserved, 6);
    const reasons = await shop.sql`select state || ' ' || coalesce(reason, '') as said from lapse.payments order by 1`;
    assert.deepEqual(reasons.map(({ said }) => said), ["dead already_dead", "dead already_dead", "open "]);
  });
});

Deno.test("a voucher that is issued holds the order until it expires", async () => {
  await withWebhook(async (shop) => {
    const order = await shop.placeOrder({ minutesAgo: 1, expiresInMinutes: 30 });
    await stories["a voucher"]!(shop, order);
    await shop.stripe.webhooksSettled();
    const [row] = await shop.sql`
      select extract(epoch from hold_until)::bigint::int as hold, next_check_at > hold_until as later from lapse.orders where ref = ${order}`;
    assert.deepEqual({ ...row }, { hold: IN_THREE_DAYS, later: true });
  });
});

Deno.test("a crash between the read and the record loses nothing: Stripe delivers the event again", async () => {
  await withWebhook(async (shop) => {
    const order = await shop.placeOrder({ expiresInMinutes: 30 });
    const id = await shop.addIntent(order);
    shop.stripe.addFault({ kind: "delay", endpoint: "payment_intents.retrieve", delayMs: 400 });
    await act(shop, id, "confirm_ok");
    const asked = () => shop.stripe.countCalls({ endpoint: "payment_intents.retrieve" });
    await eventually(() => asked() > 0, "the webhook asked Stripe");
    shop.stripe.clearFaults();
    await shop.stack.functions.kill("lapse-webhook");
    await shop.stripe.webhooksSettled();
    assert.equal((await shop.orderOf(order)).status, "paid");
    const attempts = shop.stripe.webhookDeliveries().map(({ status }) => status === 200);
    assert.deepEqual(attempts.slice(-2), [false, true]);
  });
});

Deno.test("a crash while the other payments are cancelled leaves them to the next run", async () => {
  await withWebhook(async (shop) => {
    const order = await shop.placeOrder({ expiresInMinutes: 30 });
    const [paying, other] = [await shop.addIntent(order), await shop.addIntent(order)];
    shop.stripe.addFault({ kind: "delay", endpoint: "payment_intents.cancel", delayMs: 400 });
    await act(shop, paying, "confirm_ok");
    await eventually(
      () => shop.stripe.countCalls({ endpoint: "payment_intents.cancel" }) > 0,
      "the other is cancelled",
    );
    await shop.stack.functions.kill("lapse-webhook");
    await shop.stripe.webhooksSettled();
    shop.stripe.clearFaults();
    assert.equal((await shop.orderOf(order)).status, "paid");
    await shop.run();
    assert.equal((await shop.paymentOf(other)).state, "dead");
    assert.equal((await shop.orderOf(order)).nextCheckAt, null);
  });
});

Deno.test("a request that is unsigned, too old, too large or not an event changes nothing and makes no call to Stripe", async () => {
  await withWebhook(async (shop) => {
    const order = await shop.placeOrder({ expiresInMinutes: 30 });
    const id = await shop.addIntent(order, { status: "succeeded" });
    const object = shop.stripe.paymentIntent({ id });
    const body = JSON.stringify({
      id: "evt_forged",
      object: "event",
      type: "payment_intent.succeeded",
      livemode: false,
      data: { object },
    });
    const now = Math.floor(Date.now() / 1_000);
    const sign = (text: string, { secret = shop.stack.stripeWebhookSecret, at = now } = {}) =>
      `t=${at},v1=${createHmac("sha256", secret).update(`${at}.${text}`).digest("hex")}`;
    const large = JSON.stringify({ padding: "x".repeat(600_000) });
    const cases: [string, Record<string, string>, number][] = [
      [body, {}, 401],
      [body, { "stripe-signature": sign(body, { secret: "whsec_somebody_elses_secret" }) }, 401],
      [body, { "stripe-signature": sign(body, { at: now - 301 }) }, 401],
      [body.replace("evt_forged", "evt_other"), { "stripe-signature": sign(body) }, 401],
      [body, { apikey: shop.stack.secretKey }, 401],
      [large, { "stripe-signature": sign(large) }, 413],
      ["{}", { "stripe-signature": sign("{}") }, 400],
    ];
    for (const [text, headers, expected] of cases) {
      const response = await shop.post(text, { headers, name: "lapse-webhook" });
      assert.equal(response.status, expected, await response.text());
    }
    assert.equal(shop.stripe.countCalls(), 0);
    assert.equal((await shop.orderOf(order)).status, "pending");

    const response = await shop.post(body, { headers: { "stripe-signature": sign(body) }, name: "lapse-webhook" });
    assert.deepEqual(await response.json(), { received: true, code: "paid" });
  });
});

Deno.test("a recent payment of an unknown order is redelivered until the shop has the order, an old one is not", async () => {
  await withWebhook(async (shop) => {
    shop.stripe.setWebhook({ ...endpoint(shop), attempts: 1 });
    const order = crypto.randomUUID();
    const statuses = () => shop.stripe.webhookDeliveries().map(({ status }) => status);
    const id = shop.leaveIntent(order, { created: Math.floor(Date.now() / 1_000) });
    await act(shop, id, "confirm_ok");
    await shop.stripe.webhooksSettled();
    assert.deepEqual(statuses(), [500]);
    assert.equal(shop.stripe.countCalls(), 0);

    await shop.sql`
      select public.place_order(p_currency => 'eur', p_amount => 2000, p_items => '[{"sku": "tea", "quantity": 1}]', p_order_id => ${order})`;
    const [event] = shop.stripe.events();
    await shop.stripe.resendEvent({ id: event!.id });
    assert.equal(await shop.shopStatusOf(order), "paid");

    await act(shop, shop.leaveIntent(crypto.randomUUID(), { created: 1 }), "confirm_ok");
    await shop.stripe.webhooksSettled();
    assert.deepEqual(statuses(), [500, 200, 200]);
  }, { unchecked: true });
});

Deno.test("a payment on another account counts only if the shop attached it there", async () => {
  await withWebhook(async (shop) => {
    const order = await shop.placeOrder({ expiresInMinutes: 30 });
    for (const payload of ["snapshot", "thin"] as const) {
      shop.stripe.setWebhook(endpoint(shop, payload));
      await act(shop, shop.leaveIntent(order, { account: "acct_somebody" }), "confirm_ok");
      await shop.stripe.webhooksSettled();
    }
    assert.equal(shop.stripe.countCalls(), 0);
    assert.equal((await shop.orderOf(order)).status, "pending");

    await act(shop, await shop.addIntent(order, { account: "acct_shop" }), "confirm_ok");
    await shop.stripe.webhooksSettled();
    assert.equal((await shop.orderOf(order)).status, "paid");
  });
});

Deno.test("the shop's own webhook and Lapse's count one payment, in either order", async () => {
  await withWebhook(async (shop) => {
    holdEvents(shop);
    for (const shopFirst of [true, false]) {
      const order = await shop.placeOrder({ expiresInMinutes: 30 });
      const id = await shop.addSession(order, {
        intentStatus: "requires_payment_method",
        intentMetadata: { order_id: order },
      });
      const intent = shop.stripe.checkoutSession({ id }).payment_intent as string;
      await act(shop, id, "confirm_session");
      const events = shop.stripe.events().filter(({ object }) => object === id || object === intent);
      if (shopFirst) assert.equal(await shop.markPaid(order, id), "paid");
      for (const event of events) await shop.stripe.resendEvent({ id: event.id });
      for (const told of [id, intent]) assert.equal(await shop.markPaid(order, told), "already_paid");
    }
    assert.deepEqual(await shop.openAlerts(), []);
  });
});

Deno.test("customers pay while runs work, and events are lost, doubled and reordered: every order ends as Stripe has it", async () => {
  await withWebhook(async (shop) => {
    const seed = crypto.getRandomValues(new Uint16Array(1))[0]!;
    const chaos = { dropProbability: 0.3, duplicateProbability: 0.5, reorderWithinMs: 300, seed };
    shop.stripe.setWebhook([{ ...endpoint(shop), ...chaos }, { ...endpoint(shop, "thin"), ...chaos, seed: seed + 1 }]);
    shop.stripe.setLatency({ latencyMs: [5, 60] });
    const orders: string[] = [];
    const pay: (() => Promise<unknown>)[] = [];
    for (let n = 0; n < 24; n++) {
      const order = await shop.placeOrder();
      orders.push(order);
      const intent = await shop.addIntent(order);
      if (n % 3 === 0) {
        const session = await shop.addSession(order, { intentMetadata: { order_id: order } });
        pay.push(() => shop.stripe.customer({ id: session, verb: "confirm_session" }));
      } else if (n % 3 === 1) pay.push(() => shop.stripe.customer({ id: intent, verb: "confirm_ok" }));
    }
    const running = (async () => {
      for (let n = 0; n < 3; n++) {
        await shop.dueNow();
        await shop.run();
      }
    })();
    for (const act of pay) {
      await act();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await running;
    await shop.stripe.webhooksSettled();
    for (let n = 0; n < 2; n++) {
      await shop.dueNow();
      await shop.run();
    }
    const told = `seed ${seed}`;
    for (const order of orders) {
      const { charged } = shop.stripe.orderMoney({ orderId: order });
      assert.equal(await shop.shopStatusOf(order), charged ? "paid" : "expired", `${told}, order ${order}`);
      assert.equal((await shop.orderOf(order)).status, charged ? "paid" : "expired", told);
    }
    assert.deepEqual(
      shop.stripe.webhookDeliveries().filter(({ status }) => status !== 200 && status !== null),
      [],
      told,
    );
    assert.deepEqual(await shop.openAlerts(), [], told);
  });
});

Deno.test("while a run cancels payments, its own events change nothing of what it records", async () => {
  await withWebhook(async (shop) => {
    for (let n = 0; n < 10; n++) await shop.addIntent(await shop.placeOrder());
    const report = await shop.run();
    await shop.stripe.webhooksSettled();
    assert.deepEqual([report.ordersExpired, report.paymentIntentsCanceled], [10, 10]);
    assert.deepEqual(shop.stripe.webhookDeliveries().filter(({ status }) => status !== 200), []);
  });
});

Deno.test("many simultaneous events are accepted at the webhook's share of the pace, and the rest is due for a run", async () => {
  await withWebhook(async (shop) => {
    await shop.sql`update lapse.settings set webhook_payments_per_second = 4`;
    const orders = await shop.placeUnpaidOrders(30);
    const mark = shop.stripe.mark();
    const intents = shop.stripe.paymentIntents().map(({ id }) => id);
    await Promise.all(intents.map((id) => act(shop, id, "confirm_ok")));
    await shop.stripe.webhooksSettled();
    // A busy machine may answer one too late, and it is delivered again.
    const said = shop.stripe.webhookDeliveries();
    assert.deepEqual(said.filter(({ status }) => status !== 200 && status !== null), []);
    assert.equal(new Set(said.filter(({ status }) => status === 200).map(({ event }) => event)).size, 30);
    // Over three seconds, as a busy machine may take calls in together that left apart.
    const share = shop.stripe.peakCalls({ since: mark, windowMs: 3_000 });
    assert.ok(share <= 16, `${share} calls in three seconds`);
    const [row] = await shop.sql`
      select count(*) filter (where status = 'paid')::int as paid,
        count(*) filter (where status = 'pending' and next_check_at <= now())::int as due from lapse.orders`;
    assert.equal(row!.paid + row!.due, 30);
    assert.ok(row!.paid > 0 && row!.due > 0, JSON.stringify(row));
    await shop.dueNow();
    await shop.run();
    for (const order of orders) assert.equal((await shop.orderOf(order)).status, "paid");
  });
});
