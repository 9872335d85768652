// What the weekly clean-up decides, in simulated time. That it survives crashes and outages is proved in tests/faults.

import assert from "node:assert/strict";
import type { RunReport } from "../../functions/_shared/run/report.ts";
import type { IntentSpec, SessionSpec } from "../../local/stripe-simulator/specs.ts";
import { type Bench, type RunOptions, useBenches, withBench as withEmptyBench } from "../faults/support/bench.ts";
import { attach, createAtStripe, markPaid, placeOrder } from "../faults/support/shop.ts";
import { DAY, HOUR, MINUTE } from "../faults/support/time.ts";
import { assertPromises } from "../oracle/oracle.ts";

useBenches();

const CANCELABLE: IntentSpec[] = [
  { status: "requires_payment_method" },
  { status: "requires_confirmation" },
  { status: "requires_action", nextAction: "use_stripe_sdk" },
];

/** A shop with one order that is open since a month and not due yet: Stripe's lists are read from there on. */
function withBench(test: (bench: Bench) => Promise<void>): Promise<void> {
  return withEmptyBench(async (bench) => {
    const expiresAt = new Date(bench.time.now().getTime() + 200 * DAY);
    await placeOrder(bench, { payments: [], placedMinutesAgo: 30 * DAY / MINUTE, expiresAt });
    await test(bench);
    await assertPromises(bench);
  });
}

Deno.test("stale payments of closed and unknown orders are cancelled, whatever they are waiting for", () =>
  withBench(async (bench) => {
    const refs = [await order(bench, "expired"), await order(bench, "paid")];
    const intents = [...refs, null].flatMap((ref) =>
      CANCELABLE.map((spec) => intent(bench, ref ?? crypto.randomUUID(), spec))
    );
    const report = await run(bench);
    assert.equal(report.paymentIntentsCanceled, 9);
    for (const id of intents) {
      const { status, cancellation_reason } = bench.stripe.paymentIntent({ id });
      assert.deepEqual([status, cancellation_reason], ["canceled", "abandoned"]);
    }
    assert.deepEqual(await outcomes(bench), { "canceled:ended_by_run": 9 });
  }));

Deno.test("payments of open orders, without an order, of another mode or account, and recent ones of unknown orders are not cancelled", () =>
  withBench(async (bench) => {
    const { id: open } = await placeOrder(bench, { payments: [], placedMinutesAgo: 1 });
    intent(bench, open, { created: secondsAgo(bench, 30) });
    const expired = await order(bench, "expired");
    intent(bench, expired, { metadata: {} });
    intent(bench, expired, { metadata: { orderId: expired } });
    intent(bench, expired, { livemode: true });
    intent(bench, expired, { account: "acct_other" });
    intent(bench, crypto.randomUUID(), { created: secondsAgo(bench, 6.9 * DAY / 1_000) });
    assert.equal((await run(bench)).status, "succeeded");
    assert.deepEqual(writes(bench), []);
    assert.deepEqual(await outcomes(bench), {});
    // The young one of the unknown order has become old.
    bench.time.advance(DAY);
    assert.equal((await run(bench)).paymentIntentsCanceled, 1);
  }));

Deno.test("limited to known orders, the clean-up leaves payments alone that name unknown ones", () =>
  withBench(async (bench) => {
    await bench.sql`update lapse.settings set cleanup_scope = 'known'`;
    const known = intent(bench, await order(bench, "expired"));
    const unknown = intent(bench, crypto.randomUUID());
    assert.equal((await run(bench)).paymentIntentsCanceled, 1);
    assert.equal(bench.stripe.paymentIntent({ id: known }).status, "canceled");
    assert.equal(bench.stripe.paymentIntent({ id: unknown }).status, "requires_payment_method");
  }));

Deno.test("protected payments are kept with their reason, inspected again, and cancelled when they may be", () =>
  withBench(async (bench) => {
    const ref = await order(bench, "expired");
    const voucher = intent(bench, ref, {
      status: "requires_action",
      nextAction: "boleto",
      expiresAt: secondsAgo(bench, -2 * DAY / 1_000),
    });
    const processing = intent(bench, ref, { status: "processing" });
    const authorised = intent(bench, ref, { status: "requires_capture", captureMethod: "manual" });
    const strange = intent(bench, ref, { status: "requires_patience" });
    assert.equal((await run(bench)).paymentsKept, 4);
    assert.deepEqual(await outcomes(bench), {
      "kept:processing": 1,
      "kept:requires_capture": 1,
      "kept:unknown_status": 1,
      "kept:voucher_open": 1,
    });
    assert.deepEqual(await openAlerts(bench), ["warning payments_unclear:unknown_status"]);

    // The voucher lapses, the debit succeeds, the hold lapses.
    bench.time.advance(8 * DAY);
    await bench.stripe.customer({ verb: "async_settle", id: processing });
    const second = await run(bench);
    assert.equal(second.latePayments, 1);
    for (const id of [voucher, authorised]) assert.equal(bench.stripe.paymentIntent({ id }).status, "canceled");
    assert.equal(bench.stripe.paymentIntent({ id: strange }).status, "requires_patience");
    const open = await bench.sql`select stripe_id from lapse.payments where state = 'open'`;
    assert.deepEqual(open.map(({ stripe_id }) => stripe_id), [strange]);
  }));

Deno.test("money for an open order is left to the run that decides about it when it is due", () =>
  withBench(async (bench) => {
    const { id } = await placeOrder(bench, { payments: [], placedMinutesAgo: 10 });
    const paid = intent(bench, id, { status: "succeeded", created: secondsAgo(bench, 300) });
    await run(bench);
    const [payment] = await bench.sql`select source, state, ref from lapse.payments where stripe_id = ${paid}`;
    assert.deepEqual({ ...payment }, { source: "list", state: "open", ref: id });
    bench.time.advance(30 * MINUTE);
    assert.equal((await run(bench, { job: "expire-stale-orders" })).ordersPaid, 1);
  }));

Deno.test("a late payment leads to one decision and one alert with amount, currency and ids", () =>
  withBench(async (bench) => {
    const expired = await order(bench, "expired");
    const late = [
      intent(bench, expired, { status: "succeeded", amount: 1234 }),
      intent(bench, expired, { status: "succeeded", amount: 500 }),
    ];
    const absent = crypto.randomUUID();
    const nobodys = intent(bench, absent, { status: "succeeded", currency: "usd" });
    assert.equal((await run(bench)).latePayments, 3);
    assert.deepEqual(await outcomes(bench), { "late_payment:order_absent": 1, "late_payment:order_expired": 2 });

    const alerts = await bench
      .sql`select key, code, severity, details from lapse.alerts where key like 'late_payment:%'`;
    const of = (ref: string) => alerts.find(({ key }) => key === `late_payment:${ref}`)!;
    assert.deepEqual(alerts.map(({ code, severity }) => [code, severity]), [["L014", "critical"], [
      "L014",
      "critical",
    ]]);
    assert.deepEqual(new Set(of(expired).details.payments), new Set(late));
    assert.deepEqual(of(absent).details.payments, [nobodys]);
    assert.deepEqual([of(absent).details.amount, of(absent).details.currency], [2000, "usd"]);

    // Seen again, after an operator closed the alert: no second find.
    await bench.sql`update lapse.alerts set resolved_at = now()`;
    await bench.sql`update lapse.list_cursors set read_to = read_from`;
    assert.equal((await run(bench)).latePayments, 0);
    assert.deepEqual(await openAlerts(bench), []);
  }));

Deno.test("a late payment that the webhook reported has no second alert", () =>
  withBench(async (bench) => {
    const expired = await order(bench, "expired");
    const late = intent(bench, expired, { status: "succeeded" });
    assert.equal(await markPaid(bench, expired, { stripeId: late }), "late_payment");
    await run(bench);
    const alerts = await bench.sql`select occurrences from lapse.alerts where key like 'late_payment:%'`;
    assert.deepEqual(alerts.map(({ occurrences }) => occurrences), [1]);
  }));

Deno.test("open payments that the shop attached to closed orders are cancelled: intents, sessions, other accounts", () =>
  withBench(async (bench) => {
    const { id: ref } = await placeOrder(bench, { payments: [], placedMinutesAgo: 5 });
    const add = async (spec: IntentSpec, account?: string) => {
      const id = intent(bench, ref, { created: secondsAgo(bench, 200), ...spec });
      await bench.sql`select lapse.attach_payment(p_ref => ${ref}, p_stripe_id => ${id}, p_account => ${
        account ?? null
      })`;
      return id;
    };
    const open = await add({});
    const canceled = await add({ status: "canceled" });
    const elsewhere = await add({ account: "acct_shop2" }, "acct_shop2");
    const [session, expired] = [sessionOf(bench, ref), sessionOf(bench, ref, { status: "expired" })];
    for (const id of [session, expired]) await attach(bench, ref, { stripeId: id });
    await bench.sql`select public.close_order(p_order_id => ${ref}, p_paid => true)`;

    bench.time.advance(5 * MINUTE);
    const report = await run(bench);
    assert.deepEqual([report.paymentIntentsCanceled, report.checkoutSessionsExpired], [2, 1]);
    assert.equal(bench.stripe.checkoutSession({ id: session }).status, "expired");
    for (const id of [open, canceled, elsewhere]) assert.equal(bench.stripe.paymentIntent({ id }).status, "canceled");
    const rows = await bench
      .sql`select stripe_id, state, evidence is not null as proven from lapse.payments where ref = ${ref}`;
    assert.ok(rows.length === 5 && rows.every(({ state, proven }) => state === "dead" && proven), JSON.stringify(rows));
    assert.deepEqual(await outcomes(bench), { "canceled:ended_by_run": 3, "found_dead:already_dead": 2 });
  }));

Deno.test("an intent that Checkout owns is cancelled through its session", () =>
  withBench(async (bench) => {
    const ref = await order(bench, "expired");
    const [made] = bench.stripe.createCheckoutSessions([{
      metadata: {},
      intentMetadata: { order_id: ref },
      intentStatus: "requires_payment_method",
      created: secondsAgo(bench, DAY / 1_000),
    }]);
    const report = await run(bench);
    assert.equal(report.error, null);
    assert.equal(bench.stripe.paymentIntent({ id: made!.paymentIntent! }).status, "canceled");
  }));

Deno.test("the second payment of a paid order is reported; its own payment and its session's intent are not", () =>
  withBench(async (bench) => {
    const { id: ref, payments: [own] } = await placeOrder(bench, { payments: [{ intent: { status: "succeeded" } }] });
    await markPaid(bench, ref, { stripeId: own! });
    const viaSession = await placeOrder(bench, {
      payments: [{ session: { status: "complete", intentMetadata: {} } }],
    });
    await markPaid(bench, viaSession.id, { stripeId: viaSession.payments[0]! });
    // Stripe's list shows the session's intent as well, where the shop wrote the order into it.
    await run(bench);
    assert.deepEqual(await outcomes(bench), {});
    assert.deepEqual(await openAlerts(bench), []);

    intent(bench, ref, { status: "succeeded", created: secondsAgo(bench, 0) });
    bench.time.advance(2 * DAY);
    await run(bench);
    assert.deepEqual(await outcomes(bench), { "found_paid:paid_twice": 1 });
    assert.deepEqual(await openAlerts(bench), [`critical paid_twice:${ref}`]);
  }));

Deno.test("more unknown orders than the brake allows: the run cancels nothing until an operator releases it", () =>
  withBench(async (bench) => {
    await bench.sql`update lapse.settings set brake_threshold = 20`;
    intent(bench, await order(bench, "expired"), { status: "canceled" });
    const known = intent(bench, await order(bench, "expired"));
    const unknown = Array.from({ length: 30 }, () => intent(bench, crypto.randomUUID()));
    const braked = await run(bench, {}, "braked");
    assert.deepEqual([braked.status, writes(bench).length], ["braked", 0]);
    // Not the next week either.
    bench.time.advance(7 * DAY);
    assert.equal((await run(bench, {}, "braked")).status, "braked");
    assert.deepEqual(writes(bench), []);

    const released = { releaseBrake: true, reason: "first clean-up of the old account, the dry run was checked" };
    let canceled = 0;
    for (let runs = 0; runs < 5; runs++) {
      canceled += (await run(bench, runs === 0 ? { run: released } : {})).paymentIntentsCanceled;
    }
    assert.equal(canceled, unknown.length + 1);
    assert.equal(bench.stripe.paymentIntent({ id: known }).status, "canceled");
    assert.deepEqual(await openAlerts(bench), []);
  }));

Deno.test("a dry run of the clean-up lists what the real run then does with what the ledger knows, and changes nothing", () =>
  withBench(async (bench) => {
    const { id: ref } = await placeOrder(bench, {
      payments: [{ intent: {} }, { intent: { status: "processing" } }, { session: { status: "open" } }],
      placedMinutesAgo: 20,
    });
    await bench.sql`select public.close_order(p_order_id => ${ref}, p_paid => true)`;
    bench.time.advance(5 * MINUTE);
    const dry = await run(bench, { run: { dryRun: true } });
    assert.deepEqual(writes(bench), []);
    assert.deepEqual(await outcomes(bench), {});
    const real = await run(bench);
    const foreseen = dry.decisions!.flatMap(({ payments }) => payments.map(({ reason }) => reason)).sort();
    assert.deepEqual(foreseen, ["processing", "would_cancel", "would_expire_session"]);
    assert.deepEqual([real.paymentIntentsCanceled, real.checkoutSessionsExpired, real.paymentsKept], [1, 1, 1]);
  }));

// The Stripe key of another account or another shop.

for (const stranger of ["nothing", "payments of its own", "payments that name orders of no shop we know"]) {
  Deno.test(`with the key of another account that shows ${stranger}, nothing is decided`, () =>
    withBench(async (bench) => {
      await unknownToStripe(bench, 120);
      if (stranger !== "nothing") {
        const metadata: Record<string, string> = stranger === "payments of its own"
          ? {}
          : { order_id: crypto.randomUUID() };
        bench.stripe.createPaymentIntents([{ count: 20, created: secondsAgo(bench, DAY / 1_000), metadata }]);
      }
      const report = await run(bench, {}, "failed");
      assert.match(report.error!, /too_many_not_found/);
      assert.deepEqual([report.status, await outcomes(bench), writes(bench)], ["failed", {}, []]);
    }));
}

Deno.test("with the key of another shop, none of its payments is cancelled or reported, and an alert is raised", () =>
  withBench(async (bench) => {
    const payments = Array.from(
      { length: 20 },
      (_, n) => intent(bench, crypto.randomUUID(), { status: n < 5 ? "succeeded" : undefined }),
    );
    await run(bench, {}, null);
    bench.time.advance(8 * DAY);
    await run(bench, {}, null);
    assert.deepEqual(writes(bench), [], `of ${payments.length}`);
    assert.deepEqual(await openAlerts(bench), ["warning payments_unclear:account_unproven"]);
  }));

Deno.test("one listed order of the shop proves the key, so payments of missing orders are cancelled", () =>
  withBench(async (bench) => {
    const { id } = await placeOrder(bench, { payments: [], placedMinutesAgo: 20 });
    intent(bench, id, { created: secondsAgo(bench, 600) });
    for (let n = 0; n < 20; n++) intent(bench, crypto.randomUUID());
    assert.equal((await run(bench)).paymentIntentsCanceled, 20);
  }));

Deno.test("a few payments that Stripe does not know cast no doubt on the key and hide no other payment", () =>
  withBench(async (bench) => {
    await unknownToStripe(bench, 10);
    const open = intent(bench, await order(bench, "expired"));
    assert.equal((await run(bench)).paymentIntentsCanceled, 1);
    assert.equal(bench.stripe.paymentIntent({ id: open }).status, "canceled");
    assert.equal((await outcomes(bench))["kept:payment_not_found"], 10);
  }));

Deno.test("payments of a disconnected account are kept and reported, and the platform's clean-up continues", () =>
  withBench(async (bench) => {
    const gone = await placeOrder(bench, { payments: [], placedMinutesAgo: 20 });
    await bench
      .sql`select lapse.attach_payment(p_ref => ${gone.id}, p_stripe_id => 'pi_of_seller', p_account => 'acct_gone')`;
    await bench.sql`select public.close_order(p_order_id => ${gone.id}, p_paid => true)`;
    const open = intent(bench, await order(bench, "expired"));
    bench.stripe.addFault({ kind: "forbidden", account: "acct_gone" });
    bench.time.advance(5 * MINUTE);
    await run(bench, {}, null);
    assert.equal(bench.stripe.paymentIntent({ id: open }).status, "canceled");
  }));

// What it costs.

const LIST = "payment_intents.list";

Deno.test("a year of payments: only stale ones are cancelled, every late one is found, and the next week only reads what is new", () =>
  withEmptyBench(async (bench) => {
    await bench.sql`update lapse.settings set brake_threshold = 100000, run_orders = 100000, list_reach = '400 days'`;
    await placeOrder(bench, {
      payments: [],
      placedMinutesAgo: 361 * DAY / MINUTE,
      expiresAt: new Date(bench.time.now().getTime() + 3 * DAY),
    });
    await bench.sql`update public.orders set expires_at = expires_at + interval '200 days'`;
    const expected = { stale: new Set<string>(), late: new Set<string>() };
    const perDay = 10;
    const [expired, paid] = [await order(bench, "expired"), await order(bench, "paid")];
    for (let day = 360; day > 7; day--) {
      for (let n = 0; n < perDay; n++) {
        const created = secondsAgo(bench, (day * DAY - n * HOUR) / 1_000);
        if (n === 0) expected.stale.add(intent(bench, day % 2 ? expired : paid, { created }));
        else if (n === 1 && day % 30 === 0) {
          expected.late.add(intent(bench, crypto.randomUUID(), { created, status: "succeeded" }));
        } else if (n === 2) expected.stale.add(intent(bench, crypto.randomUUID(), { created }));
        else intent(bench, expired, { created, metadata: {}, status: n % 2 ? "succeeded" : undefined });
      }
    }
    const all = await untilDone(bench);
    assert.deepEqual(writes(bench).sort(), [...expected.stale].map((id) => `/v1/payment_intents/${id}/cancel`).sort());
    const late = await bench.sql`select stripe_id from lapse.decisions where outcome = 'late_payment'`;
    assert.deepEqual(new Set(late.map(({ stripe_id }) => stripe_id)), expected.late);
    assert.ok(all.pages < 353 * perDay / 100 * 6 + 40, `${all.pages} pages for ${353 * perDay} payments`);

    assert.equal((await untilDone(bench)).others, 0, "nothing new, nothing due");
    bench.time.advance(7 * DAY);
    const week = await untilDone(bench);
    assert.ok(week.pages <= 12, `${week.pages} pages for a week without payments`);
    assert.equal(week.others, 0);
  }));

async function untilDone(bench: Bench): Promise<{ pages: number; others: number }> {
  const since = bench.stripe.mark();
  for (let runs = 0; (await run(bench, {}, null)).status !== "succeeded"; runs++) assert.ok(runs < 30, "30 runs");
  const pages = bench.stripe.countCalls({ since, endpoint: LIST });
  const sessions = bench.stripe.countCalls({ since, endpoint: "checkout.sessions.list" });
  return { pages, others: bench.stripe.countCalls({ since }) - pages - sessions };
}

/** A run of the clean-up, which has to end as said; null: however it likes. */
async function run(bench: Bench, options: RunOptions = {}, ends: string | null = "succeeded"): Promise<RunReport> {
  const { report } = await bench.run({ job: "cleanup-stale-payment-intents", ...options });
  if (ends !== null) assert.equal(report?.status, ends, report?.error ?? undefined);
  return report!;
}

/** An order that the shop closed a week ago, without a payment. */
async function order(bench: Bench, status: "expired" | "paid"): Promise<string> {
  const { id } = await placeOrder(bench, { payments: [], placedMinutesAgo: 12 * DAY / MINUTE });
  await bench.sql`select public.close_order(p_order_id => ${id}, p_paid => ${status === "paid"})`;
  await bench
    .sql`select lapse.fold_inbox(p_refs => array[${id}], p_limit => null, p_now => ${bench.time.now().toISOString()}::timestamptz)`;
  return id;
}

/** An unattached intent of ten days ago. */
function intent(bench: Bench, ref: string, spec: IntentSpec = {}): string {
  return createAtStripe(bench, ref, { intent: spec }, new Date(bench.time.now().getTime() - 10 * DAY));
}

function sessionOf(bench: Bench, ref: string, spec: SessionSpec = {}): string {
  return createAtStripe(bench, ref, { session: spec }, new Date(bench.time.now().getTime() - 4 * MINUTE));
}

function secondsAgo({ time }: Bench, seconds: number): number {
  return Math.floor(time.now().getTime() / 1_000 - seconds);
}

/** Paid orders with an open payment each that Stripe does not know. */
async function unknownToStripe(bench: Bench, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const { id } = await placeOrder(bench, { payments: [], placedMinutesAgo: 20, sku: "mug" });
    await attach(bench, id, { stripeId: `pi_gone_${n}` });
    await bench.sql`select public.close_order(p_order_id => ${id}, p_paid => true)`;
  }
  bench.time.advance(5 * MINUTE);
}

async function outcomes({ sql }: Bench): Promise<Record<string, number>> {
  const rows = await sql<{ key: string; n: number }[]>`
    select outcome || ':' || reason as key, count(*)::int as n from lapse.decisions where subject <> 'order' group by 1 order by 1`;
  return Object.fromEntries(rows.map(({ key, n }) => [key, n]));
}

async function openAlerts(bench: Bench): Promise<string[]> {
  const rows = await bench.sql<{ line: string }[]>`
    select severity || ' ' || key as line from lapse.alerts where resolved_at is null order by 1`;
  return rows.map(({ line }) => line);
}

/** Calls that change something at Stripe. */
function writes({ stripe }: Bench): string[] {
  return stripe.calls({ executed: true }).filter(({ method }) => method === "POST").map(({ path }) => path);
}
