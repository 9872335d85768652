import type postgres from "postgres";
import type { StripeControl } from "../../local/stripe-simulator/control.ts";
import type { PaymentModel } from "../faults/support/model.ts";
import { sleep, type Weather } from "./weather.ts";

/** Units on the shelves. There is one rare article for every few customers who want it. */
export const ON_HAND: Record<string, number> = { tea: 100_000, mug: 100_000, rare: 12 };

/** The customers who pay late. Many order the scarce article, which may be sold out by then. */
export const COMES_BACK = "comes back when the order is closed, and pays";

/** `byHand`: given back in the Dashboard. */
export type Payment = PaymentModel & { byHand?: boolean };

/** An order as the shop remembers it. `dueAt`: from when on a run may take it, by `Date.now()`. `closed`: by the shop itself. */
export type Order = {
  id: string;
  journey: string;
  amount: number;
  items: { sku: string; quantity: number }[];
  dueAt: number;
  payments: Payment[];
  closed?: "cancelled" | "cash";
};

/** `errors`: errors of the checkout that no fault explains. `isOpen`: false once the shop accepts no more customers. */
export type Shop = {
  sql: postgres.Sql;
  stripe: StripeControl;
  apiBase: string;
  weather: Weather;
  random: () => number;
  isOpen(): boolean;
  orders: Order[];
  errors: string[];
};

/** Codes of a database that is gone for the moment. */
export const AWAY = /^(CONNECTION_\w+|CONNECT_TIMEOUT|ECONN\w+|EPIPE|57P0[123]|08\w{3})$/;

/** Asks the database until it answers: every call of the checkout may be repeated. Throws what the database refuses. */
export async function ask<T>({ weather, errors, random }: Shop, what: string, call: () => PromiseLike<T>): Promise<T> {
  for (;;) {
    const from = performance.now();
    try {
      return await call();
    } catch (error) {
      const { code = "", message } = error as { code?: string; message: string };
      if (!AWAY.test(code)) throw error;
      if (!weather.explains("database", from)) errors.push(`${what}: ${code} ${message}`);
      await sleep(100 + random() * 200);
    }
  }
}

const PT409 = "PT409";
const codeOf = (error: unknown) => (error as { code?: string }).code;

/** Null: sold out. A run may take the order `dueAfter` milliseconds from now, once Stripe's lists are read past that moment. */
export async function placeOrder(shop: Shop, journey: string, dueAfter: number): Promise<Order | null> {
  const { sql, random } = shop;
  const id = crypto.randomUUID();
  const amount = 500 + Math.floor(random() * 9_500);
  const wanted = random() < (journey === COMES_BACK ? 0.6 : 0.1) ? ["rare"] : ["tea", "mug"];
  const items = wanted.map((sku) => ({ sku, quantity: sku === "rare" ? 1 : 1 + Math.floor(random() * 3) }));
  try {
    await ask(shop, "place_order", () =>
      sql`
        select public.place_order(p_currency => 'eur', p_amount => ${amount}, p_items => ${
        sql.json(items)
      }, p_order_id => ${id},
          p_now => now() - make_interval(secs => ${33 * 60 - dueAfter / 1_000}))`);
  } catch (error) {
    if (codeOf(error) === PT409 && wanted.includes("rare")) return null;
    throw error;
  }
  const order: Order = { id, journey, amount, items, dueAt: Date.now() + dueAfter, payments: [] };
  shop.orders.push(order);
  return order;
}

/** Creates a payment at Stripe and attaches it, as the guide recommends. Null: the customer cannot pay it. */
export async function openPayment(
  shop: Shop,
  order: Order,
  kind: "intent" | "session" = "intent",
): Promise<Payment | null> {
  const stripeId = kind === "intent" ? await createIntent(shop, order) : createSession(shop, order);
  if (stripeId === null) return null;
  const payment: Payment = { stripeId, attached: false, fate: "open" };
  order.payments.push(payment);
  payment.attached = await attach(shop, order, stripeId);
  return payment.attached ? payment : null;
}

/** False: refused, as the order takes no payment any more. */
async function attach(shop: Shop, { id }: Order, stripeId: string): Promise<boolean> {
  const { sql } = shop;
  try {
    await ask(
      shop,
      "attach",
      () => sql`select public.lapse_attach_payment(p_ref => ${id}, p_stripe_id => ${stripeId})`,
    );
    return true;
  } catch (error) {
    if (codeOf(error) !== PT409) throw error;
    const [row] = await ask(shop, "orders", () =>
      sql`
        select status <> 'pending' or expires_at + interval '2 minutes' < now() as is_over from public.orders where id = ${id}`);
    if (!row!.is_over) shop.errors.push(`attach: refused, and nothing is wrong with the order: ${error}`);
    return false;
  }
}

/** The shop's server asks Stripe, a few times if it has to. Each answer that says nothing may have created an intent. */
export async function createIntent(shop: Shop, { id, amount }: Order): Promise<string | null> {
  const params = { amount: String(amount), currency: "eur", "metadata[order_id]": id };
  let key = crypto.randomUUID();
  for (let attempts = 0; attempts < 5; attempts++) {
    const { status, body } = await askStripe(shop, "/v1/payment_intents", params, key);
    if (status === 200) return body!.id as string;
    // A saved 500 would be the answer to its key for a day.
    if (status === 500) key = crypto.randomUUID();
    await sleep(200 + shop.random() * 500);
  }
  return null;
}

/** One call; status 0 is no answer. Failures that no fault explains are errors of the checkout. */
export async function askStripe(
  { apiBase, weather, errors }: Shop,
  path: string,
  params: Record<string, string>,
  key: string = crypto.randomUUID(),
): Promise<{ status: number; body: Record<string, unknown> | null }> {
  const from = performance.now();
  let status = 0;
  let body: Record<string, unknown> | null = null;
  try {
    const response = await fetch(`${apiBase}${path}`, {
      method: "POST",
      headers: { authorization: "Bearer sk_test_local", "idempotency-key": key },
      body: new URLSearchParams(params),
      signal: AbortSignal.timeout(10_000),
    });
    status = response.status;
    body = JSON.parse(await response.text());
  } catch {
    if (status === 200) status = 0;
  }
  if (status !== 200 && !weather.explains("stripe", from) && !isTooLate(body)) {
    errors.push(`POST ${path}: ${status} ${JSON.stringify(body)}`);
  }
  return { status, body };
}

/** The payment is over already. */
function isTooLate(body: Record<string, unknown> | null): boolean {
  return (body?.error as { code?: string } | undefined)?.code === "payment_intent_unexpected_state";
}

function createSession({ stripe, random }: Shop, { id, amount }: Order): string {
  const metadata = { order_id: id };
  const [session] = stripe.createCheckoutSessions([{
    amount,
    currency: "eur",
    metadata,
    clientReferenceId: id,
    ...(random() < 0.5 ? { intentMetadata: metadata } : {}),
  }]);
  return session!.id;
}
