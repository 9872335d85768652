// The bugs that shop systems shipped (the number is that of the research), one test each, and what Lapse does instead.

import assert from "node:assert/strict";
import fc from "fast-check";
import { serveJob } from "../../functions/_shared/http/serve-job.ts";
import { createLog } from "../../functions/_shared/run/log.ts";
import type { IntentSpec } from "../../local/stripe-simulator/specs.ts";
import { assertQuiet } from "../oracle/quiet.ts";
import { type Bench, leaseShorterThanTheRun, ON_HAND, useBenches, withBench } from "./support/bench.ts";
import { dieBefore } from "./support/fates.ts";
import { lengthOf } from "./support/length.ts";
import { nextTick, tick, tickUntilQuiet, watch } from "./support/scheduler.ts";
import { act, AMOUNT, createAtStripe, markPaid, placeOrder, statusOf } from "./support/shop.ts";
import { DAY, HOUR, MINUTE } from "./support/time.ts";

useBenches();

/** The bug's number and name, what must happen, and the oracle at the end of it. */
function bug(name: string, test: (bench: Bench) => Promise<void>): void {
  Deno.test(`bug ${name}`, () =>
    withBench(async (bench) => {
      await test(bench);
      await assertQuiet({ ...bench, onHand: ON_HAND });
    }));
}

bug("1, paid at Stripe, webhook lost, cron cancels: the order is paid and its stock is sold", async (bench) => {
  const { id } = await placeOrder(bench, { payments: [{ intent: { status: "succeeded" } }] });
  await tick(bench);
  assert.equal(await statusOf(bench, id), "paid");
  assert.deepEqual(await stockOf(bench, "tea"), { on_hand: ON_HAND.tea - 2, reserved: 0 });
});

bug(
  "2, the customer pays between select and cancel: the compare-and-set fails and no stock moves twice",
  async (bench) => {
    const { id, payments: [intent] } = await placeOrder(bench, { payments: [{ intent: {} }] });
    const pay = async () => {
      assert.ok(await act(bench, { id: intent!, verb: "confirm_ok" }));
      assert.equal(await markPaid(bench, id, { stripeId: intent! }), "paid");
    };
    // After the claim, which interleavings_test.ts varies over every step.
    let claims = 0;
    await tick(bench, {
      atStep: async (step, take) => {
        const answer = await take();
        if (step.name === "jobs_claim_orders" && claims++ === 0) await pay();
        return answer;
      },
    });
    assert.equal(await statusOf(bench, id), "paid");
    assert.deepEqual(await stockOf(bench, "tea"), { on_hand: ON_HAND.tea - 2, reserved: 0 });
  },
);

bug(
  "3, money lands after the expiry and nobody hears of it: one alert, however often it is reported",
  async (bench) => {
    const { id } = await placeOrder(bench, { payments: [{ intent: {} }] });
    await tick(bench);
    assert.equal(await statusOf(bench, id), "expired");
    for (let time = 0; time < 2; time++) {
      assert.equal(
        await markPaid(bench, id, { stripeId: "pi_from_elsewhere" }),
        "late_payment",
      );
    }
    assert.equal(await statusOf(bench, id), "expired");
    const alerts = await bench
      .sql`select severity from public.job_alerts where key = ${`late_payment:${id}`} and resolved_at is null`;
    assert.deepEqual(alerts.map(({ severity }) => severity), ["critical"]);
    assert.deepEqual(await stockOf(bench, "tea"), { on_hand: ON_HAND.tea, reserved: 0 });
  },
);

bug(
  "4, the gateway's cancel fails and the stock is freed all the same: it stays held until Stripe confirms",
  async (bench) => {
    const { id, payments: [intent] } = await placeOrder(bench, { payments: [{ intent: {} }] });
    bench.stripe.addFault({ kind: "error_500", endpoint: "payment_intents.cancel", objectId: intent! });
    for (let attempt = 1; attempt <= 3; attempt++) {
      await tick(bench);
      assert.equal(await statusOf(bench, id), "pending");
      assert.equal((await stockOf(bench, "tea")).reserved, 2);
      bench.time.advance(20 * MINUTE);
    }
    bench.stripe.clearFaults();
    await tick(bench);
    assert.equal(await statusOf(bench, id), "expired");
    assert.equal((await stockOf(bench, "tea")).reserved, 0);
  },
);

bug(
  "5, stock is released twice: fifty runs and as many webhooks at once release and sell each unit once",
  async (bench) => {
    const orders = [];
    for (let n = 0; n < 40; n++) {
      orders.push(
        await placeOrder(bench, { payments: n % 4 === 0 ? [] : [{ intent: {} }] }),
      );
    }
    const runs = Array.from({ length: 50 }, () => bench.run());
    const webhooks = orders.filter((_, n) => n % 4 === 1).map(async ({ id, payments: [intent] }) => {
      if (await act(bench, { id: intent!, verb: "confirm_ok" })) await markPaid(bench, id, { stripeId: intent! });
    });
    await Promise.all([...runs, ...webhooks]);
    await bench.run({ job: "cleanup-stale-payment-intents" });
    await nextTick(bench);
    assert.deepEqual((await stockOf(bench, "tea")).reserved, 0);
    const [row] = await bench.sql`select count(*)::int as n from public.orders where status in ('paid', 'expired')`;
    assert.equal(row!.n, 40);
  },
);

bug("6, the hold ends while the old order can still be paid: the last unit is sold once", async (bench) => {
  const first = await placeOrder(bench, { payments: [{ intent: {} }], sku: "last" });
  await assert.rejects(placeOrder(bench, { payments: [], sku: "last" }), /stock is short/);
  await tick(bench);
  const second = await placeOrder(bench, { payments: [{ intent: {} }], sku: "last", placedMinutesAgo: 1 });
  assert.equal(await act(bench, { id: first.payments[0]!, verb: "confirm_ok" }), false, "the old payment is dead");
  assert.ok(await act(bench, { id: second.payments[0]!, verb: "confirm_ok" }));
  assert.equal(await markPaid(bench, second.id, { stripeId: second.payments[0]! }), "paid");
  assert.equal(await markPaid(bench, first.id, { stripeId: first.payments[0]! }), "late_payment");
  assert.deepEqual(await stockOf(bench, "last"), { on_hand: 0, reserved: 0 });
});

bug("7, slow methods are cancelled like cards: each is left alone until its own deadline", async (bench) => {
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
});

bug(
  "8, ages, time zones and daylight saving: an order is due at its deadline and grace, not a second earlier",
  async (bench) => {
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
  },
);

bug(
  "9, a poison order loops for ever or takes its batch along: the others go on, and it is set aside",
  async (bench) => {
    const poison = [];
    for (let n = 0; n < 100; n++) {
      poison.push(
        await placeOrder(bench, { payments: [{ intent: {} }], placedMinutesAgo: 90 }),
      );
    }
    const good = await placeOrder(bench, { payments: [{ intent: {} }] });
    for (const { payments: [intent] } of poison) {
      bench.stripe.addFault({ kind: "error_503", endpoint: "payment_intents.cancel", objectId: intent! });
    }
    await bench.sql`update jobs.settings set max_attempts = 3, backoff_max = interval '2 minutes'`;
    await tick(bench);
    assert.equal(await statusOf(bench, good.id), "expired");
    const backedOff = await bench
      .sql`select status, failures from public.orders where id <> ${good.id} and next_check_at > ${bench.time.now()}`;
    assert.deepEqual([backedOff.length, ...new Set(backedOff.map(({ status, failures }) => `${status} ${failures}`))], [
      100,
      "pending 1",
    ]);
    await tickUntilQuiet(bench, { withinMs: HOUR, most: 300 });
    const [row] = await bench.sql`select count(*)::int as n from public.orders where status = 'quarantined'`;
    assert.equal(row!.n, 100);
  },
);

bug(
  "10, the scheduler dies without a word: an alert within the watch's patience, although each tick succeeded",
  async (bench) => {
    await bench.sql`update jobs.schedules set changed_at = ${bench.time.now()}`;
    await tick(bench);
    assert.deepEqual(await openAlerts(bench, "no_success:expire-stale-orders"), []);
    // Every tick queues its request, and none of them ever arrives.
    for (let minutes = 0; minutes < 25; minutes++) {
      bench.time.advance(MINUTE);
      if (minutes % 5 === 0) await tick(bench, { delivery: () => "never" });
      await watch(bench);
    }
    assert.deepEqual(await openAlerts(bench, "no_success:expire-stale-orders"), ["critical"]);
    const lost = await bench.sql`select distinct status from public.job_runs where created_at < ${new Date(
      bench.time.now().getTime() - 5 * MINUTE,
    )}`;
    assert.deepEqual(lost.map(({ status }) => status).sort(), ["lost", "succeeded"]);
    await tick(bench);
    bench.time.advance(5 * MINUTE);
    await watch(bench);
    assert.deepEqual(await openAlerts(bench, "no_success:expire-stale-orders"), []);
  },
);

bug(
  "11, the lease ends while the work goes on: the second owner decides, the first one is fenced off",
  async (bench) => {
    await leaseShorterThanTheRun(bench, "15 seconds");
    const { id } = await placeOrder(bench, { payments: [{ intent: {} }] });
    const slow = await bench.run({
      atStep: async (step, take) => {
        if (step.name !== "jobs_settle_orders") return await take();
        bench.time.advance(MINUTE);
        await bench.run();
        assert.equal(await statusOf(bench, id), "expired");
        return await take();
      },
    });
    assert.deepEqual([slow.report!.status, slow.report!.paymentsExpired], ["lost", 0]);
    await placeOrder(bench, { payments: [{ intent: {} }] });
    await bench.run({ atStep: dieBefore(4) });
    assert.equal((await bench.run()).report!.status, "skipped", "as long as the dead one's lease lasts");
    bench.time.advance(MINUTE);
    assert.equal((await bench.run()).report!.status, "succeeded");
  },
);

bug("12, an order never expires once a payment was started: every abandoned payment ends in time", async (bench) => {
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
});

bug(
  "13, the wrong call to cancel: each status and owner gets the right one, also after a 500 that Stripe saved",
  async (bench) => {
    const statuses = [
      "requires_payment_method",
      "requires_confirmation",
      "requires_action",
      "canceled",
      "succeeded",
      "processing",
    ];
    const wanted: [string, string][] = [];
    for (const status of statuses) {
      const settled = { succeeded: "paid", processing: "pending" }[status] ?? "expired";
      wanted.push([(await placeOrder(bench, { payments: [{ intent: { status } }] })).id, settled]);
      if (status === "canceled" || status === "succeeded" || status === "processing") continue;
      const session = await placeOrder(bench, { payments: [{ session: { status: "open", intentStatus: status } }] });
      wanted.push([session.id, "expired"]);
      // The shop recorded the session's intent instead of the session.
      const through = await placeOrder(bench, { payments: [] });
      const made = createAtStripe(bench, through.id, { session: { status: "open", intentStatus: status } });
      const intent = bench.stripe.checkoutSession({ id: made }).payment_intent as string;
      await bench
        .sql`select public.attach_payment(p_order_id => ${through.id}, p_kind => 'payment_intent', p_stripe_id => ${intent})`;
      wanted.push([through.id, "expired"]);
    }
    for (const endpoint of ["payment_intents.cancel", "checkout.sessions.expire"] as const) {
      bench.stripe.addFault({ kind: "error_500", saved: true, endpoint, times: 6 });
    }
    await tick(bench);
    await tickUntilQuiet(bench, { withinMs: 30 * MINUTE, most: 20 });
    for (const [id, status] of wanted) assert.equal(await statusOf(bench, id), status);
    const executed = bench.stripe.calls({ endpoint: "payment_intents.cancel", executed: true });
    assert.deepEqual(
      executed.filter(({ statusBefore }) => !statusBefore!.startsWith("requires_")),
      [],
      "final and processing ones are left alone",
    );
  },
);

bug("14, the wrong scope: only the order's own, unpaid payments are ended", async (bench) => {
  const spared: [string, IntentSpec][] = [
    ["another shop's", { metadata: { order_id: crypto.randomUUID() } }],
    ["without our mark", { metadata: {} }],
    ["an id of another system", { metadata: { order_id: "4711" } }],
    ["live mode", { livemode: true }],
    ["another account", { account: "acct_other" }],
    ["a status of the future", { status: "requires_telepathy" }],
    ["partly received", { status: "requires_action", nextAction: "bank_transfer", amountReceived: 500 }],
    ["paid too little", { status: "succeeded", amountReceived: 500 }],
    ["paid in another currency", { status: "succeeded", currency: "usd" }],
  ];
  const orders = [];
  for (const [name, intent] of spared) orders.push({ name, ...await placeOrder(bench, { payments: [{ intent }] }) });
  const [ended] = [await placeOrder(bench, { payments: [{ intent: {} }] })];
  // Payments of nobody's order, old and new: the clean-up sees them in Stripe's list.
  const strangers = bench.stripe.createPaymentIntents([
    { count: 10, metadata: {}, created: Math.floor((bench.time.now().getTime() - 10 * DAY) / 1_000) },
    {
      count: 10,
      metadata: { order_id: "another app's" },
      created: Math.floor((bench.time.now().getTime() - 20 * DAY) / 1_000),
    },
  ]);
  await tick(bench);
  await tick(bench, { job: "cleanup-stale-payment-intents" });
  for (const { name, id } of orders) assert.equal(await statusOf(bench, id), "quarantined", name);
  assert.equal(await statusOf(bench, ended.id), "expired");
  const touched = bench.stripe.calls({ executed: true }).filter(({ method }) => method === "POST").map(({ objectId }) =>
    objectId
  );
  assert.deepEqual(touched, ended.payments);
  assert.equal(strangers.length, 20);
});

bug(
  "15, the first run over an old backlog purges it: the brake is on, nothing is touched, an operator is told",
  async (bench) => {
    const orders = lengthOf({ bounded: 10_000, long: 100_000 });
    await bench.sql`
    insert into public.orders (currency, amount, created_at, expires_at, next_check_at)
    select 'eur', ${AMOUNT}, at, at, at from (select ${bench.time.now()}::timestamptz - n * interval '1 minute' as at from generate_series(1, ${orders}) n) x`;
    const [outcome] = await tick(bench);
    assert.equal(outcome!.report!.status, "braked");
    assert.equal(bench.stripe.mark(), 0);
    const [row] = await bench
      .sql`select count(*)::int as n from public.orders where status = 'pending' and attempt = 0`;
    assert.equal(row!.n, orders);
    assert.deepEqual(await openAlerts(bench, "brake:expire-stale-orders"), ["critical"]);
  },
);

bug("15, anybody may start the job: without the right credential nobody starts anything", async (bench) => {
  const variables: Record<string, string> = {
    SUPABASE_URL: "http://127.0.0.1:9",
    SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: "sb_publishable_of_the_shop" }),
    SUPABASE_SECRET_KEYS: JSON.stringify({ default: "sb_secret_of_the_shop" }),
    SUPABASE_JWKS: JSON.stringify({ keys: [] }),
    JOBS_SCHEDULER_SECRET: "the-secret-of-today-0123456789abcdef",
    JOBS_SCHEDULER_SECRET_PREVIOUS: "the-secret-of-last-week-0123456789ab",
  };
  let began = 0;
  const serve = serveJob({
    name: "expire-stale-orders",
    job: () => Promise.reject(new Error("nobody may get here")),
    readVariable: (name) => variables[name],
    waitUntil: () => began++,
    log: createLog({}, () => {}),
  });
  const callers: Record<string, string>[] = [
    {},
    { apikey: "sb_publishable_of_the_shop" },
    { apikey: "sb_secret_of_another_shop" },
    { "x-jobs-secret": "" },
    { "x-jobs-secret": "the-secret-of-last-year-0123456789ab" },
    { authorization: "Bearer eyJhbGciOiJub25lIn0.eyJyb2xlIjoic2VydmljZV9yb2xlIn0." },
  ];
  for (const headers of callers) {
    const response = await serve(
      new Request("http://functions.test/expire-stale-orders", { method: "POST", headers, body: "{}" }),
    );
    assert.equal(response.status, 401, JSON.stringify(headers));
  }
  const [row] = await bench.sql`select count(*)::int as n from public.job_runs`;
  assert.deepEqual([began, row!.n], [0, 0]);
});

async function stockOf({ sql }: Bench, sku: string): Promise<{ on_hand: number; reserved: number }> {
  const [row] = await sql<
    { on_hand: number; reserved: number }[]
  >`select on_hand, reserved from public.inventory where sku = ${sku}`;
  return { ...row! };
}

async function openAlerts({ sql }: Bench, key: string): Promise<string[]> {
  const rows = await sql<
    { severity: string }[]
  >`select severity from public.job_alerts where key = ${key} and resolved_at is null`;
  return rows.map(({ severity }) => severity);
}
