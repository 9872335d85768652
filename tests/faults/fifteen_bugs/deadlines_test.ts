// The bugs by which orders ended too early, too late or never. The numbers are those of the research.

import assert from "node:assert/strict";
import fc from "fast-check";
import type { IntentSpec } from "../../../local/stripe-simulator/specs.ts";
import { lengthOf } from "../support/length.ts";
import { tick, tickUntilQuiet } from "../support/scheduler.ts";
import { placeOrder, statusOf } from "../support/shop.ts";
import { DAY, HOUR, MINUTE, SECOND } from "../support/time.ts";
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
    await tickUntilQuiet(bench, { withinMs: DAY, most: 200 });
    const [row] = await bench.sql`
    select count(*)::int as n from lapse.orders o join lapse.payments p using (ref)
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
        fc.integer({ min: 60, max: 359 * 86_400 }),
        fc.constantFrom(...zones),
        async (placedAt, seconds, zone) => {
          const due = await bench.sql.begin(async (sql) => {
            await sql`select set_config('timezone', ${zone}, true)`;
            await sql`update lapse.deadline_policies set time_to_pay = make_interval(secs => ${seconds}) where method is null`;
            const ref = crypto.randomUUID();
            const at = placedAt.toISOString();
            await sql`select lapse.watch_order(p_ref => ${ref}, p_amount => 1, p_currency => 'eur', p_placed_at => ${at}::timestamptz, p_now => ${at}::timestamptz)`;
            const [order] = await sql`
              select extract(epoch from next_check_at)::float8 * 1000 as due, deadline from lapse.orders where ref = ${ref}`;
            return [order!.due, order!.deadline.getTime()];
          });
          const deadline = placedAt.getTime() + seconds * 1_000;
          assert.deepEqual(due, [deadline + 2 * MINUTE, deadline]);
        },
      ),
      { seed: 8, numRuns: lengthOf({ bounded: 100, long: 5_000 }) },
    );
    await bench.sql`update lapse.deadline_policies set time_to_pay = interval '30 minutes' where method is null`;
    await bench.sql`delete from lapse.orders`;

    const placedAt = bench.time.now().getTime();
    const { id } = await placeOrder(bench, { payments: [{ intent: {} }], placedMinutesAgo: 0 });
    bench.time.advance(32 * MINUTE - SECOND);
    await tick(bench);
    assert.equal(await statusOf(bench, id), "pending", "a second early");
    await tickUntilQuiet(bench, { withinMs: 10 * MINUTE });
    assert.equal(await statusOf(bench, id), "expired");
    assert.ok(bench.time.now().getTime() - placedAt < 45 * MINUTE);
  }),
);

Deno.test(
  "bug 12, an order never expires once a payment was started: every abandoned payment is cancelled in time",
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
    await tickUntilQuiet(bench, { withinMs: 30 * MINUTE, most: 4 });
    for (const { id } of orders) assert.equal(await statusOf(bench, id), "expired");
  }),
);
