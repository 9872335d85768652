import assert from "node:assert/strict";
import { type Bench, withBench } from "./bench.ts";

const ENDABLE = [{ status: "requires_payment_method" }, { status: "requires_confirmation" }, {
  status: "requires_action",
  nextAction: "use_stripe_sdk" as const,
}];

Deno.test("stale payments of closed and absent orders are ended, whatever they are waiting for", async () => {
  await withBench(async (bench) => {
    const orders = [await bench.order("expired"), await bench.order("paid"), crypto.randomUUID()];
    const intents = orders.flatMap((order) => ENDABLE.map((spec) => bench.intent(order, spec)));
    const report = await bench.run();
    assert.equal(report.status, "succeeded");
    assert.equal(report.paymentIntentsCanceled, 9);
    for (const id of intents) {
      const { status, cancellation_reason } = bench.stripe.paymentIntent({ id });
      assert.deepEqual([status, cancellation_reason], ["canceled", "abandoned"]);
    }
    assert.deepEqual(await bench.outcomes(), { "canceled:ended_by_run": 9 });
  });
});

Deno.test("payments of open orders, of others, of another mode or too young are not touched", async () => {
  await withBench(async (bench) => {
    for (const status of ["pending", "expiring", "quarantined"] as const) bench.intent(await bench.order(status));
    const expired = await bench.order("expired");
    bench.intent(expired, { daysAgo: 6.9 });
    bench.intent(expired, { livemode: true });
    bench.intent(expired, { account: "acct_other" });
    bench.intent(expired, { metadata: {} });
    bench.intent(expired, { metadata: { order_id: "A-1001" } });
    bench.intent(expired, { metadata: { orderId: expired } });
    const report = await bench.run();
    assert.equal(report.status, "succeeded");
    assert.deepEqual(writes(bench), []);
    assert.deepEqual(await bench.outcomes(), {});
  });
});

Deno.test("protected payments are kept with their reason, looked at again, and ended when they may be", async () => {
  await withBench(async (bench) => {
    const expired = await bench.order("expired");
    const now = Math.floor(bench.now().getTime() / 1_000);
    const voucher = bench.intent(expired, {
      status: "requires_action",
      nextAction: "boleto",
      expiresAt: now + 2 * 86_400,
    });
    const processing = bench.intent(expired, { status: "processing" });
    const authorised = bench.intent(expired, { status: "requires_capture" });
    const strange = bench.intent(expired, { status: "requires_patience" });
    assert.equal((await bench.run()).paymentsKept, 4);
    assert.deepEqual(await bench.outcomes(), {
      "kept:processing": 1,
      "kept:requires_capture": 1,
      "kept:unknown_status": 1,
      "kept:voucher_open": 1,
    });
    const [alert] = await bench.sql`select key, severity from public.job_alerts`;
    assert.deepEqual({ ...alert }, { key: "payments_unclear:unknown_status", severity: "warning" });

    // The voucher lapses, the debit succeeds, the hold lapses; nothing but these is read again.
    bench.advanceDays(7);
    await bench.stripe.customer({ verb: "async_settle", id: processing });
    const mark = bench.stripe.mark();
    const second = await bench.run();
    assert.equal(bench.stripe.calls({ since: mark, endpoint: "payment_intents.retrieve" }).length, 4);
    assert.equal(second.latePayments, 1);
    for (const id of [voucher, authorised]) assert.equal(bench.stripe.paymentIntent({ id }).status, "canceled");
    assert.equal(bench.stripe.paymentIntent({ id: strange }).status, "requires_patience");
    assert.deepEqual(
      (await bench.sql`select stripe_id from jobs.revisits`).map(({ stripe_id }) => stripe_id),
      [strange],
    );
  });
});

Deno.test("money for an open order settles it as paid, and consumes its stock", async () => {
  await withBench(async (bench) => {
    await bench.sql`insert into public.inventory (sku, on_hand) values ('tea', 10)`;
    const [placed] = await bench.sql`
      select id from public.place_order('eur', 2000, '[{"sku": "tea", "quantity": 2}]', p_expires_at => now() + interval '1 day')`;
    const intent = bench.intent(placed!.id, { status: "succeeded" });
    const quarantined = await bench.order("quarantined");
    bench.intent(quarantined, { status: "succeeded" });
    const short = await bench.order("pending", { amount: 5000 });
    bench.intent(short, { status: "succeeded" });

    const report = await bench.run();
    assert.equal(report.ordersPaid, 2);
    assert.deepEqual(await bench.outcomes(), { "found_paid:paid": 2, "kept:amount_mismatch": 1, "paid:paid": 2 });
    const [order] = await bench.sql`select status, status_reason from public.orders where id = ${placed!.id}`;
    assert.deepEqual({ ...order }, { status: "paid", status_reason: "paid" });
    const [payment] = await bench.sql`select state, evidence from public.order_payments where stripe_id = ${intent}`;
    assert.equal(payment!.state, "paid");
    assert.equal(payment!.evidence.amount_received, 2000);
    const [tea] = await bench.sql`select on_hand, reserved from public.inventory`;
    assert.deepEqual({ ...tea }, { on_hand: 8, reserved: 0 });
    assert.equal((await bench.sql`select status from public.orders where id = ${short}`)[0]!.status, "pending");
    const alerts = await bench.sql`select key from public.job_alerts`;
    assert.deepEqual(alerts.map(({ key }) => key), ["payments_unclear:amount_mismatch"]);
  });
});

Deno.test("a late payment is a decision and an alert with amount, currency and ids, once", async () => {
  await withBench(async (bench) => {
    const dead = "pi_recorded_dead";
    const expired = await bench.order("expired");
    await bench.attach(expired, dead, { state: "dead" });
    bench.intent(expired, { id: dead, status: "succeeded", amount: 1234 });
    const second = bench.intent(expired, { status: "succeeded", amount: 500 });
    const absent = crypto.randomUUID();
    bench.intent(absent, { status: "succeeded", currency: "usd" });
    assert.equal((await bench.run()).latePayments, 3);
    assert.deepEqual(await bench.outcomes(), { "late_payment:order_absent": 1, "late_payment:order_expired": 2 });

    const alerts = await bench.sql`select key, code, details from public.job_alerts order by details -> 'currency'`;
    assert.deepEqual(alerts.map(({ key, code }) => [key, code]), [
      [`late_payment:${expired}`, "L014"],
      [`late_payment:${absent}`, "L014"],
    ]);
    assert.deepEqual(new Set(alerts[0]!.details.payments), new Set([dead, second]));
    assert.equal(alerts[0]!.details.currency, "eur");
    assert.equal(alerts[1]!.details.amount, 2000);
    const [row] = await bench.sql`select evidence from public.job_decisions where stripe_id = ${dead}`;
    assert.equal(row!.evidence.amount_received, 1234);

    // Seen again, after the operator closed the alert: no second find.
    await bench.sql`update public.job_alerts set resolved_at = now()`;
    await bench.sql`delete from public.job_sweeps`;
    assert.equal((await bench.run()).latePayments, 0);
    assert.equal((await bench.sql`select from public.job_alerts where resolved_at is null`).length, 0);
  });
});

Deno.test("a late payment that the webhook reported has its decision and no second alert", async () => {
  await withBench(async (bench) => {
    const expired = await bench.order("expired");
    const late = bench.intent(expired, { status: "succeeded" });
    await bench.sql`select public.mark_order_paid(${expired}, ${late})`;
    assert.equal((await bench.run()).latePayments, 1);
    const alerts = await bench.sql`select occurrences from public.job_alerts`;
    assert.deepEqual(alerts.map(({ occurrences }) => occurrences), [1]);
  });
});

Deno.test("open payments the shop recorded of closed orders need no sweep: intents, sessions, other accounts", async () => {
  await withBench(async (bench) => {
    const order = await bench.order("paid");
    const metadata = { order_id: order };
    const intent = bench.intent(order, { daysAgo: 0 });
    const elsewhere = bench.intent(order, { daysAgo: 0, account: "acct_shop2" });
    const canceled = bench.intent(order, { daysAgo: 0, status: "canceled" });
    const [open, expired] = bench.stripe.createCheckoutSessions([{ metadata }, { metadata, status: "expired" }]);
    for (const id of [intent, canceled, open!.id, expired!.id]) await bench.attach(order, id);
    await bench.attach(order, elsewhere, { account: "acct_shop2" });

    const report = await bench.run();
    assert.deepEqual([report.paymentIntentsCanceled, report.checkoutSessionsExpired], [2, 1]);
    assert.equal(bench.stripe.checkoutSession({ id: open!.id }).status, "expired");
    for (const id of [intent, elsewhere]) assert.equal(bench.stripe.paymentIntent({ id }).status, "canceled");
    const rows = await bench.sql`select stripe_id, state, evidence is not null as proven from public.order_payments`;
    assert.ok(rows.every(({ state, proven }) => state === "dead" && proven), JSON.stringify(rows));
    assert.deepEqual(await bench.outcomes(), { "canceled:ended_by_run": 3, "found_dead:already_dead": 2 });
  });
});

Deno.test("an intent that Checkout owns is ended through its session", async () => {
  await withBench(async (bench) => {
    const expired = await bench.order("expired");
    const created = Math.floor(bench.now().getTime() / 1_000) - 8 * 86_400;
    const [session] = bench.stripe.createCheckoutSessions([{
      metadata: { order_id: expired },
      intentStatus: "requires_payment_method",
      created,
    }]);
    assert.equal((await bench.run()).paymentIntentsCanceled, 1);
    assert.equal(bench.stripe.paymentIntent({ id: session!.paymentIntent! }).status, "canceled");
  });
});

Deno.test("the second payment of a paid order is a find, its own payment and its session's intent are none", async () => {
  await withBench(async (bench) => {
    const own = "pi_paid_it";
    const order = await bench.order("paid");
    await bench.attach(order, own, { state: "paid" });
    bench.intent(order, { id: own, status: "succeeded" });
    const viaSession = await bench.order("paid");
    await bench.attach(viaSession, "cs_paid_it", { state: "paid" });
    bench.intent(viaSession, { status: "succeeded" });
    assert.equal((await bench.run()).status, "succeeded");
    assert.deepEqual(await bench.outcomes(), {});

    bench.intent(order, { status: "succeeded", daysAgo: 6 });
    bench.advanceDays(2);
    await bench.run();
    assert.deepEqual(await bench.outcomes(), { "found_paid:paid_twice": 1 });
    const alerts = await bench.sql`select key from public.job_alerts`;
    assert.deepEqual(alerts.map(({ key }) => key), [`paid_twice:${order}`]);
  });
});

Deno.test("an unrecorded payment of an open order is ended once the order is closed", async () => {
  await withBench(async (bench) => {
    const order = await bench.order("pending");
    const intent = bench.intent(order);
    await bench.run();
    assert.deepEqual(writes(bench), []);
    await bench.sql`update public.orders set status = 'expired', expired_at = now(), next_check_at = null`;
    bench.advanceDays(7);
    const report = await bench.run();
    assert.equal(report.paymentIntentsCanceled, 1);
    assert.equal(bench.stripe.paymentIntent({ id: intent }).status, "canceled");
    assert.equal((await bench.sql`select from jobs.revisits`).length, 0);
  });
});

/** Calls that change something at Stripe. */
function writes({ stripe }: Bench): string[] {
  return stripe.calls().filter(({ method }) => method === "POST").map(({ path }) => path);
}
