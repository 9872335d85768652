import type { CustomerAction } from "../../local/stripe-simulator/customer-action.ts";
import { accepted } from "../faults/support/model.ts";
import {
  ask,
  askStripe,
  COMES_BACK,
  createIntent,
  openPayment,
  type Order,
  type Payment,
  placeOrder,
  type Shop,
} from "./shop.ts";
import { sleep } from "./weather.ts";

/** What becomes of an order in the hands of its customer, and how many of a hundred customers do it. */
type Journey = { of100: number; go(shop: Shop, order: Order): Promise<void> };

const JOURNEYS: Record<string, Journey> = {
  "pays": { of100: 25, go: withPayment((...visit) => pay(...visit)) },
  "pays at the last moment": {
    of100: 20,
    go: withPayment(async (shop, order, payment) => {
      await lastMoment(shop, order);
      await pay(shop, order, payment);
    }),
  },
  "comes to 3-D Secure at the last moment": {
    of100: 8,
    go: withPayment(async (shop, order, payment) => {
      await lastMoment(shop, order);
      await act(shop, payment, { verb: "start_3ds" });
      await sleep(shop.random() * 4_000);
      const chance = shop.random();
      if (chance < 0.5) await act(shop, payment, { verb: "finish_3ds" });
      else if (chance < 0.8) await act(shop, payment, { verb: "fail_3ds" });
    }),
  },
  "leaves": { of100: 10, go: withPayment(async () => {}) },
  "leaves before there is a payment": { of100: 4, go: async () => {} },
  "cancels": {
    of100: 5,
    go: withPayment(async (shop, order, payment) => {
      await sleep(shop.random() * 3_000);
      const changesMind = shop.random() < 0.3 && act(shop, payment, { verb: "confirm_ok" });
      if (await close(shop, order, false) === "expired") order.closed = "cancelled";
      if (!await changesMind) await askStripe(shop, `/v1/payment_intents/${payment.stripeId}/cancel`, {});
    }),
  },
  "pays in two tabs": {
    of100: 4,
    go: withPayment(async (shop, order, payment) => {
      const second = await openPayment(shop, order);
      await act(shop, payment, { verb: "confirm_ok" });
      if (second) await act(shop, second, { verb: "confirm_ok" });
    }),
  },
  [COMES_BACK]: { of100: 8, go: withPayment(comeBack) },
  "pays, and the staff gives it back in the Dashboard": {
    of100: 3,
    go: withPayment(async (shop, order, payment) => {
      await pay(shop, order, payment);
      await sleep(shop.random() * 6_000);
      payment.byHand = await act(shop, payment, { verb: "refund" });
    }),
  },
  "pays by bank debit": {
    of100: 3,
    go: withPayment(async (shop, order, payment) => {
      await lastMoment(shop, order);
      await act(shop, payment, { verb: "async_submit" });
      await sleep(shop.random() * 20_000);
      if (shop.random() < 0.5) await act(shop, payment, { verb: shop.random() < 0.7 ? "async_settle" : "async_fail" });
    }),
  },
  "gets a voucher": {
    of100: 2,
    go: withPayment(async (shop, order, payment) => {
      await lastMoment(shop, order);
      await act(shop, payment, { verb: "voucher_issue", expiresAt: Math.floor(Date.now() / 1_000) + 3 * 24 * 3_600 });
      await sleep(shop.random() * 20_000);
      if (shop.random() < 0.5) await act(shop, payment, { verb: "voucher_pay" });
    }),
  },
  "pays on Stripe's page": {
    of100: 6,
    async go(shop, order) {
      const payment = await openPayment(shop, order, "session");
      if (!payment) return;
      await lastMoment(shop, order);
      const { accepted: taken } = await shop.stripe.customer({ id: payment.stripeId, verb: "confirm_session" });
      if (taken) payment.fate = "paid";
    },
  },
  "is declined on Stripe's page": {
    of100: 1,
    async go(shop, order) {
      const payment = await openPayment(shop, order, "session");
      if (payment) await shop.stripe.customer({ id: payment.stripeId, verb: "confirm_session", outcome: "declined" });
    },
  },
  "pays cash": {
    of100: 2,
    async go(shop, order) {
      await openPayment(shop, order);
      if (await close(shop, order, true) === "paid") order.closed = "cash";
    },
  },
  "pays, and the shop forgot to attach the payment": {
    of100: 5,
    async go(shop, order) {
      // Created before the order falls due, which is a minute behind the present (placeOrder).
      const created = Math.ceil(Date.now() / 1_000) - 60;
      const [stripeId] = shop.stripe.createPaymentIntents([{
        amount: order.amount,
        currency: "eur",
        metadata: { order_id: order.id },
        created,
      }]);
      const payment: Payment = { stripeId: stripeId!, attached: false, listed: true, fate: "open" };
      order.payments.push(payment);
      await lastMoment(shop, order);
      await act(shop, payment, { verb: "confirm_ok" });
    },
  },
};

const ONE_OF_100 = Object.entries(JOURNEYS).flatMap(([name, { of100 }]) => Array<string>(of100).fill(name));

/** One customer, from the full basket to the end. */
export async function visit(shop: Shop): Promise<void> {
  const name = ONE_OF_100[Math.floor(shop.random() * ONE_OF_100.length)]!;
  const order = await placeOrder(shop, name, 3_000 + shop.random() * 9_000);
  if (order) await JOURNEYS[name]!.go(shop, order);
}

function withPayment(go: (shop: Shop, order: Order, payment: Payment) => Promise<void>): Journey["go"] {
  return async (shop, order) => {
    const payment = await openPayment(shop, order);
    if (payment) await go(shop, order, payment);
  };
}

/** Around the moment from which a run may take the order. */
async function lastMoment({ random }: Shop, { dueAt }: Order): Promise<void> {
  await sleep(dueAt - Date.now() - 1_500 + random() * 4_000);
}

/** Whether Stripe took it. */
async function act({ stripe }: Shop, payment: Payment, action: Omit<CustomerAction, "id">): Promise<boolean> {
  const { accepted: taken } = await stripe.customer({ id: payment.stripeId, ...action });
  if (taken && action.verb !== "refund") accepted(payment, action.verb);
  return taken;
}

/** Half of the shops mark the order themselves; the others leave it to Lapse's webhook. */
async function pay(shop: Shop, order: Order, payment: Payment): Promise<void> {
  const taken = await act(shop, payment, { verb: "confirm_ok" });
  if (!taken || shop.random() < 0.5) return;
  await ask(shop, "mark_paid", () =>
    shop.sql`
    select public.lapse_mark_paid(p_ref => ${order.id}, p_stripe_id => ${payment.stripeId}, p_amount => ${order.amount})`);
}

/** The shop closes the order itself. Returns the order's state, because another writer may have been faster. */
async function close(shop: Shop, { id }: Order, paid: boolean): Promise<string> {
  const [row] = await ask(shop, "close_order", () =>
    shop.sql<{ status: string }[]>`
    select status from public.close_order(p_order_id => ${id}, p_paid => ${paid})`);
  return row!.status;
}

/** By a link in an old message, for which the shop creates a payment without a look at the order. */
async function comeBack(shop: Shop, order: Order): Promise<void> {
  await sleep(order.dueAt - Date.now());
  for (let status = "pending"; status === "pending";) {
    if (!shop.isOpen()) return;
    await sleep(1_000);
    const [row] = await ask(shop, "orders", () => shop.sql`select status from public.orders where id = ${order.id}`);
    status = row!.status;
  }
  const stripeId = await createIntent(shop, order);
  if (stripeId === null) return;
  const payment: Payment = { stripeId, attached: false, late: true, fate: "open" };
  order.payments.push(payment);
  if (!await act(shop, payment, { verb: "confirm_ok" }) || shop.random() < 0.7) return;
  await sleep(shop.random() * 5_000);
  payment.byHand = await act(shop, payment, { verb: "refund" });
}
