// The bugs by which orders ended too early, too late or never. The numbers are those of the research.

import assert from "node:assert/strict";
import fc from "fast-check";
import type { IntentSpec } from "../../../local/stripe-simulator/specs.ts";
import { lengthOf } from "../support/length.ts";
import { nextTick, tick, tickUntilQuiet } from "../support/scheduler.ts";
import { placeOrder, statusOf } from "../support/shop.ts";
import { DAY, HOUR, MINUTE } from "../support/time.ts";
import { onBench } from "./bug.ts";

Deno.test(
  "bug 7, slow methods are cancelled like cards: each is left alone until its own deadline",
  onBench(async (bench) => {
    const inFiveDays = Math.floor((bench.time.now().getTime() + 5 * DAY) / 1_000);
    const slow: IntentSpec[] = [
      ...["sepa_debit", "us_bank_account", "bacs_debit", "crypto"].map((paymentMethodType) => ({
        status: "processing",
        paymentMethodType,
      })),
      { status: "requires_capture", captureMethod: "manual" },
      ...(["oxxo", "boleto", "konbini", "multibanco", "pix"] as const).map((nextAction) => ({
        status: "requires_action",
        nextAction,
        expiresAt: inFiveDays,
      })),
      { status: "requires_action", nextAction: "bank_transfer" },
      { status: "requires_action", nextAction: "microdeposits" },
      { status: "requires_action", nextAction: "card_await_notification" },
    ];
    const orders = [];
    for (const intent of slow) orders.push(await placeOrder(bench, { payments: [{ intent }] }));
    for (let hours = 0; hours < 4 * 24; hours += 8) {
      await tick(bench);
      bench.time.advance(8 * HOUR);
    }
    assert.equal(bench.stripe.countCalls({ endpoint: "payment_intents.cancel" }), 0);
    for (const { id } of orders) assert.equal(await statusOf(bench, id), "pending");
    // Vouchers lapse after five days; three more days are granted to those whose shop reports late.
    bench.time.advance(5 * DAY);
    await tickUntilQuiet(bench, { withinMs: DAY, most: 40 });
    const [row] = await bench.sql`
    select count(*)::int as n from public.orders o join public.order_payments p on p.order_id = o.id
    where o.status = 'expired' and p.state = 'dead'`;
    assert.equal(row!.n, slow.length - 4, "all but the four that are processing");
  }),
);

Deno.test(
  "bug 8, ages, time zones and daylight saving: an order is due at its deadline and grace, not a second earlier",
  onBench(async (bench) => {
    const zones = ["UTC", "Europe/Paris", "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "Australia/Lord_Howe"];
    await fc.assert(
      fc.asyncProperty(
        fc.date({ min: new Date("2025-01-01"), max: new Date("2027-12-31"), noInvalidDate: true }),
        fc.integer({ min: 60, max: 400 * 86_400 }),
        fc.constantFrom(...zones),
        async (placedAt, seconds, zone) => {
          const due = await bench.sql.begin(async (sql) => {
            await sql`select set_config('timezone', ${zone}, true)`;
            await sql`update public.expiry_policies set time_to_pay = make_interval(secs => ${seconds}) where payment_method is null`;
            const at = placedAt.toISOString();
            const [order] = await sql`select id from public.place_order(p_currency => 'eur', p_amount => 1,
            p_items => '[{"sku": "tea", "quantity": 1}]', p_now => ${at}::timestamptz)`;
            const dueAt = placedAt.getTime() + seconds * 1_000 + 2 * MINUTE;
            const isDue = async (ms: number) => {
              const [row] = await sql`select due from jobs.shop_due(p_now => ${
                new Date(ms).toISOString()
              }::timestamptz, p_cap => 1)`;
              return row!.due as number;
            };
            const answer = [await isDue(dueAt - 1_000), await isDue(dueAt)];
            await sql`
              select jobs.shop_move_stock(jobs.shop_expire_without_payments(p_now => at, p_limit => 1), at)
              from (select ${new Date(dueAt).toISOString()}::timestamptz as at) x`;
            const [after] = await sql`select status from public.orders where id = ${order!.id}`;
            return [...answer, after!.status];
          });
          assert.deepEqual(due, [0, 1, "expired"]);
        },
      ),
      { seed: 8, numRuns: lengthOf({ bounded: 100, long: 5_000 }) },
    );
    await bench.sql`update public.expiry_policies set time_to_pay = interval '30 minutes' where payment_method is null`;
    // These orders were closed beside the jobs, so no decision tells of them.
    await bench.sql`delete from public.stock_reservations`;
  }),
);

Deno.test(
  "bug 12, an order never expires once a payment was started: every abandoned payment ends in time",
  onBench(async (bench) => {
    const abandoned: IntentSpec[] = [
      { status: "requires_payment_method" },
      { status: "requires_confirmation" },
      { status: "requires_action", nextAction: "use_stripe_sdk" },
      { status: "requires_action", nextAction: "redirect_to_url" },
      { status: "canceled" },
    ];
    const orders = [];
    for (const intent of abandoned) {
      orders.push(await placeOrder(bench, { payments: [{ intent }], placedMinutesAgo: 33 }));
    }
    orders.push(await placeOrder(bench, { payments: [{ session: { status: "open" } }], placedMinutesAgo: 33 }));
    orders.push(await placeOrder(bench, { payments: [{ session: { status: "expired" } }], placedMinutesAgo: 33 }));
    await tick(bench);
    await nextTick(bench);
    for (const { id } of orders) assert.equal(await statusOf(bench, id), "expired");
  }),
);
