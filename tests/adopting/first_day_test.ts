import assert from "node:assert/strict";
import type postgres from "postgres";
import Stripe from "stripe";
import type { IntentSpec } from "../../local/stripe-simulator/specs.ts";
import { type Shop, withShop } from "../integration/support.ts";
import { adoptLapse, assertNothingLost, openSecondShop } from "./second-shop.ts";

// The shop has sold for years. Its open sales and their payments are from before Lapse, and Stripe knows no order_id of them.

Deno.test("sales that were open when Lapse came end as their payments do at Stripe", async () => {
  await withShop({}, async (shop) => {
    const shelves = await openSecondShop(shop.sql);
    const sales = {
      "without a payment": await sell(shop),
      "unpaid": await sell(shop, [{}]),
      "paid, and nobody told the shop": await sell(shop, [{ status: "succeeded" }]),
      "unpaid once, then paid": await sell(shop, [{}, { status: "succeeded" }]),
      "being paid": await sell(shop, [{ status: "processing" }]),
      "not due yet": await sell(shop, [{}], { minutesAgo: 10 }),
      "with a session": await sell(shop),
      "closed long ago": await sell(shop),
    };
    await attach(shop.sql, sales["with a session"], "cs_test_old");
    await shop.sql`update shop2.sales set state = 'paid' where sale_no = ${sales["closed long ago"]}`;

    await adoptLapse(shop.sql);
    await nameTheirOrders(shop);
    const report = await shop.run();

    assert.deepEqual(await statesOf(shop.sql, sales), {
      "without a payment": "void",
      "unpaid": "void",
      "paid, and nobody told the shop": "paid",
      "unpaid once, then paid": "paid",
      "being paid": "open",
      "not due yet": "open",
      "with a session": "void",
      "closed long ago": "paid",
    });
    // The two that were unpaid and due, and no other.
    assert.deepEqual(shop.stripe.countIntents(), {
      canceled: 2,
      succeeded: 2,
      processing: 1,
      requires_payment_method: 1,
    });
    assert.equal(shop.stripe.checkoutSession({ id: "cs_test_old" }).status, "expired");
    assert.equal(report.paymentsExpired, 3);

    const [fresh] = await shop.sql`
      select w.id, r.ref from shop2.sale_watch w join shop2.ref_watch r on r.sale_id = w.id
      where w.sale_no = ${sales["not due yet"]}`;
    const [paid] = await shop.sql`select public.mark_order_paid(${fresh!.id}, ${fresh!.ref}) as answer`;
    assert.equal(paid!.answer, "paid", "the webhook of a payment from before Lapse");
    await assertNothingLost(shop.sql, shelves);
  });
});

Deno.test("a payment from before Lapse that names no order is left alone, its sale is set aside until it does", async () => {
  await withShop({}, async (shop) => {
    const shelves = await openSecondShop(shop.sql);
    const sales = { sale: await sell(shop, [{}]) };
    await adoptLapse(shop.sql);
    await shop.run();

    const [watch] = await shop.sql`select id, status, status_reason from shop2.sale_watch`;
    assert.deepEqual([watch!.status, watch!.status_reason], ["quarantined", "foreign_payment"]);
    assert.deepEqual(await statesOf(shop.sql, sales), { sale: "open" });
    assert.deepEqual(shop.stripe.countIntents(), { requires_payment_method: 1 });

    await nameTheirOrders(shop);
    await shop.sql`select public.jobs_redrive_order(${watch!.id}, 'named its order', 'ann')`;
    await shop.run();
    assert.deepEqual(await statesOf(shop.sql, sales), { sale: "void" });
    await assertNothingLost(shop.sql, shelves);
  });
});

/** A sale of two pieces for 20 euros, with these intents at Stripe. Answers its number. */
async function sell({ sql, stripe }: Shop, intents: IntentSpec[] = [], { minutesAgo = 60 } = {}): Promise<string> {
  const [row] = await sql<{ sale_no: string }[]>`
    select shop2.sell('{"tea": 2}', 20.00, now() - make_interval(mins => ${minutesAgo})) as sale_no`;
  const { sale_no } = row!;
  const specs = intents.map((spec) => ({ amount: 2000, metadata: { sale: sale_no }, ...spec }));
  for (const ref of stripe.createPaymentIntents(specs)) await attach(sql, sale_no, ref);
  return sale_no;
}

async function attach(sql: postgres.Sql, saleNo: string, ref: string): Promise<void> {
  await sql`insert into shop2.stripe_refs (ref, sale_no) values (${ref}, ${saleNo})`;
}

/** As docs/adopting.md says: each open payment gets its sale's uuid as metadata. The simulator cannot update a session, and makes it anew. */
async function nameTheirOrders({ sql, stripe, stack }: Shop): Promise<void> {
  const client = new Stripe("sk_test_shop", { ...stack.simulator!.clientOptions, telemetry: false });
  const open = await sql`select ref, kind, sale_id from shop2.ref_watch where state = 'open'`;
  for (const { ref, kind, sale_id } of open) {
    const metadata = { order_id: sale_id };
    if (kind === "payment_intent") await client.paymentIntents.update(ref, { metadata });
    else stripe.createCheckoutSessions([{ id: ref, amount: 2000, metadata }]);
  }
}

async function statesOf(sql: postgres.Sql, sales: Record<string, string>): Promise<Record<string, string>> {
  const rows = await sql<{ sale_no: string; state: string }[]>`select sale_no, state from shop2.sales`;
  const states = new Map(rows.map(({ sale_no, state }) => [sale_no, state]));
  return Object.fromEntries(Object.entries(sales).map(([name, saleNo]) => [name, states.get(saleNo)!]));
}
