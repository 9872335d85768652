/// <reference lib="deno.worker" />
// A shop's checkout, in a thread of its own: what it measures must not be the pauses of a simulator that shares its loop.

import postgres from "postgres";

export type CheckoutOrder = { databaseUrl: string; controlUrl: string; perSecond: number };
export type CheckoutCall = "place_order" | "lapse_attach_payment" | "lapse_mark_paid";
export type CheckoutResult = { orders: number; calls: { call: CheckoutCall; ms: number }[]; errors: string[] };

const result: CheckoutResult = { orders: 0, calls: [], errors: [] };
let goesOn = true;

self.onmessage = ({ data }: MessageEvent<CheckoutOrder | "stop">) => {
  if (data === "stop") goesOn = false;
  else void sell(data);
};

async function sell({ databaseUrl, controlUrl, perSecond }: CheckoutOrder): Promise<void> {
  const sql = postgres(databaseUrl, { max: 8, onnotice: () => {} });
  await Promise.all(Array.from({ length: 8 }, () => sql`select pg_sleep(0.1)`));
  self.postMessage("open");
  const customers: Promise<void>[] = [];
  for (let next = performance.now(); goesOn; next += 1_000 / perSecond) {
    customers.push(buy(sql, controlUrl).catch((error) => void result.errors.push(String(error))));
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
  }
  await Promise.all(customers);
  await sql.end();
  self.postMessage(result);
}

/** Of six customers four pay, one leaves and one has the shop cancel; the job will find the orders of these two one day. */
const CUSTOMERS = ["pays", "leaves", "pays", "pays", "cancels", "pays"] as const;

async function buy(sql: postgres.Sql, controlUrl: string): Promise<void> {
  const does = CUSTOMERS[result.orders++ % CUSTOMERS.length]!;
  const [order] = await timed(
    "place_order",
    sql<{ id: string }[]>`
    select id from public.place_order(p_currency => 'eur', p_amount => 2000,
      p_items => '[{"sku": "mug", "quantity": 1}, {"sku": "tea", "quantity": 1}]')`,
  );
  const [intent] = await steer<string[]>(controlUrl, "createPaymentIntents", [{ metadata: { order_id: order!.id } }]);
  await timed(
    "lapse_attach_payment",
    sql`select public.lapse_attach_payment(p_ref => ${order!.id}, p_stripe_id => ${intent!})`,
  );
  if (does === "leaves") return;
  // A cancel is the shop's, at Stripe: the database has no part in it. In the Dashboard, as the budget that is measured is the jobs' alone.
  if (does === "cancels") return void await steer(controlUrl, "customer", { id: intent!, verb: "cancel_in_dashboard" });
  await steer(controlUrl, "customer", { id: intent!, verb: "confirm_ok" });
  await timed(
    "lapse_mark_paid",
    sql`select public.lapse_mark_paid(p_ref => ${order!.id}, p_stripe_id => ${intent!})`,
  );
}

async function timed<T>(call: CheckoutCall, asked: PromiseLike<T>): Promise<T> {
  const from = performance.now();
  const answer = await asked;
  result.calls.push({ call, ms: performance.now() - from });
  return answer;
}

async function steer<T>(controlUrl: string, method: string, argument: unknown): Promise<T> {
  const response = await fetch(`${controlUrl}/${method}`, { method: "POST", body: JSON.stringify(argument) });
  if (!response.ok) throw new Error(`Cannot steer Stripe's simulator: ${response.status} ${await response.text()}`);
  const { result } = await response.json() as { result: T };
  return result;
}
