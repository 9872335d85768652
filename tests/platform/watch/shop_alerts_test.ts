import assert from "node:assert/strict";
import { type Databases, startDatabases } from "../../../local/platform/databases.ts";
import { withConnection } from "../../../local/postgres/databases.ts";
import { cleanup, type Watched, withWatched } from "./watched-database.ts";

let databases: Databases;
Deno.test.beforeAll(async () => {
  databases = await startDatabases();
});
Deno.test.afterAll(() => databases.stop());

const cleanupBrake = `brake:${cleanup}`;

Deno.test("the brake's alert L007 closes when fewer orders are due", async () => {
  await withWatched(databases, async (watched) => {
    const { sql, placeOrder, begin, watch, alert } = watched;
    await sql`update jobs.settings set brake_threshold = 1`;
    const [order] = [await placeOrder(0), await placeOrder(0)];
    assert.equal((await begin(0)).answer, "braked");
    assert.deepEqual(await watch(3), ["brake:expire-stale-orders"]);
    const { code, message } = await alert("brake:expire-stale-orders");
    assert.deepEqual([code, message], [
      "L007",
      "The brake of expire-stale-orders is on, as more than 1 orders are due, for 3 minutes",
    ]);
    await sql`select public.mark_order_paid(${order}, 'pi_1')`;
    assert.deepEqual(await watch(4), []);
  });
});

Deno.test("a brake that an operator released is not raised again by the watch", async () => {
  await withWatched(databases, async ({ sql, placeOrder, begin, watch }) => {
    await sql`update jobs.settings set brake_threshold = 1`;
    await placeOrder(0);
    await placeOrder(0);
    await begin(0);
    assert.equal((await begin(1, { release: true })).answer, "running");
    assert.deepEqual(await watch(1), []);
  });
});

Deno.test("the brake a clean-up meets in the middle stays on, whenever the watch looks", async () => {
  await withWatched(databases, async ({ sql, at, begin, finish, watch, alert }) => {
    await sql`update jobs.settings set brake_threshold = 2`;
    const { run } = await begin(0, { job: cleanup });
    const payments = [1, 2, 3].map((n) => ({ kind: "payment_intent", stripeId: `pi_${n}` }));
    const [row] = await sql`
      select public.jobs_plan_ends(${run.id}, ${run.fence}, false, ${payments as never}, ${at(0)}) as plan`;
    assert.deepEqual(row!.plan, { allowed: false });
    // What the brake held back goes on the revisit list, a moment ahead.
    await sql`
      insert into jobs.revisits (livemode, stripe_id, stripe_account, kind, reason, next_look_at, first_seen_at)
      select false, 'pi_' || n, '', 'payment_intent', 'brake', ${at(0.1)}, ${at(0)} from generate_series(1, 3) n`;
    assert.deepEqual(await watch(0.05), [cleanupBrake], "before its run has ended");
    await finish(0.06, run.id, "braked");
    assert.deepEqual(await watch(0.07), [cleanupBrake], "before what it held back is due");
    for (const minute of [1, 3, 60]) assert.deepEqual(await watch(minute), [cleanupBrake], `after ${minute} minutes`);
    assert.deepEqual((await alert(cleanupBrake)).first_seen_at, at(0), "it is one alert");

    await sql`delete from jobs.revisits`;
    assert.deepEqual(await watch(61), [], "nothing is left to end");
  }, ["no_success"]);
});

Deno.test("a brake whose run died holds nothing back: its alert closes, and the next run meets it again", async () => {
  await withWatched(databases, async ({ sql, at, begin, watch }) => {
    await sql`update jobs.settings set brake_threshold = 2`;
    const { run } = await begin(0, { job: cleanup });
    const payments = [1, 2, 3].map((n) => ({ kind: "payment_intent", stripeId: `pi_${n}` }));
    await sql`select public.jobs_plan_ends(${run.id}, ${run.fence}, false, ${payments as never}, ${at(0)})`;
    assert.deepEqual(await watch(1), [cleanupBrake]);
    assert.deepEqual(await watch(3), []);
  });
});

Deno.test("orders that are set aside raise L010 until the last one is given back to the job", async () => {
  await withWatched(databases, async ({ sql, at, placeOrder, begin, watch, alert }) => {
    await sql`update jobs.settings set max_attempts = 1`;
    const order = await placeOrder(0);
    await sql`select public.attach_payment(${order}, 'payment_intent', 'pi_1')`;
    const { run } = await begin(0);
    const decisions = [{
      orderId: order,
      attempt: 1,
      outcome: "retry",
      reason: "internal_error",
      nextCheckAt: null,
      payments: [],
    }];
    await sql`select public.jobs_claim_orders(${run.id}, ${run.fence}, 10, ${at(0)})`;
    await sql`select public.jobs_settle_orders(${run.id}, ${run.fence}, ${decisions as never}, ${at(0)})`;
    assert.deepEqual(await watch(1), ["quarantined"]);
    const { code, severity, message, details } = await alert("quarantined");
    assert.deepEqual([code, severity, message], ["L010", "warning", "An order is set aside, for less than a minute"]);
    assert.deepEqual(details, { orders: 1, examples: [order] });
    await sql`select public.jobs_redrive_order(${order}, 'looked at', 'test')`;
    assert.deepEqual(await watch(2), []);
  });
});

Deno.test("a budget that Stripe slowed down raises L011 for five minutes", async () => {
  await withWatched(databases, async ({ sql, at, watch, alert }) => {
    await sql`select public.jobs_reserve_calls(false, 'x', 1, ${at(0)})`;
    assert.deepEqual(await watch(0), []);
    await sql`select public.jobs_report_throttle(false, 'x', 'endpoint', ${at(0)})`;
    assert.deepEqual(await watch(1), ["throttled"]);
    const { code, details } = await alert("throttled");
    assert.deepEqual([code, details.length, details[0].endpoint, details[0].rate], ["L011", 1, "x", 10]);
    assert.deepEqual(await watch(4.9), ["throttled"]);
    assert.deepEqual(await watch(5), []);
  });
});

/** What no writer of the product can do, done by a superuser without triggers. */
const damages: { invariant: string; damage: string; repair: string; message: RegExp }[] = [
  {
    invariant: "stock",
    damage: "update public.inventory set reserved = reserved + 1",
    repair: "update public.inventory set reserved = reserved - 1",
    message: /^Reserved stock differs from what open orders hold for 1 SKUs, for/,
  },
  {
    invariant: "closed_orders",
    damage: "update public.orders set status = 'expired', expired_at = now(), next_check_at = null",
    repair: "update public.orders set status = 'pending', expired_at = null, next_check_at = now() + interval '1 day'",
    message: /^1 closed orders still hold stock, for/,
  },
  {
    invariant: "expired_orders",
    damage: `
      update public.stock_reservations set state = 'released', closed_at = now(); update public.inventory set reserved = 0;
      insert into public.order_payments (order_id, kind, stripe_id) select id, 'payment_intent', 'pi_1' from public.orders;
      update public.orders set status = 'expired', expired_at = now(), next_check_at = null`,
    repair: "update public.order_payments set state = 'dead', evidence = '{}', closed_at = now()",
    message: /^1 payments of expired orders are not recorded dead, for/,
  },
  {
    invariant: "counters",
    damage: "update public.job_runs set stock_released = stock_released + 1",
    repair: "update public.job_runs set stock_released = stock_released - 1",
    message: /^Counters of 1 runs differ from their decisions, for/,
  },
];

for (const { invariant, damage, repair, message } of damages) {
  Deno.test(`a broken promise raises L012 and closes when it is repaired: ${invariant}`, async () => {
    await withWatched(databases, async (watched) => {
      const { sql, placeOrder, run, watch, alert } = watched;
      await sql`update jobs.settings set invariant_interval = '1 minute'`;
      await placeOrder(60);
      await run(0);
      assert.deepEqual(await watch(1), []);
      await asSuperuser(watched, damage);
      assert.deepEqual(await watch(2), [`invariant:${invariant}`]);
      const open = await alert(`invariant:${invariant}`);
      assert.deepEqual([open.code, open.severity], ["L012", "critical"]);
      assert.match(open.message, message);
      await asSuperuser(watched, repair);
      assert.deepEqual(await watch(3), []);
    });
  });
}

Deno.test("promises are counted anew at their interval only, and an alert about one stays open in between", async () => {
  await withWatched(databases, async (watched) => {
    const { placeOrder, run, watch } = watched;
    await placeOrder(120);
    await run(0);
    assert.deepEqual(await watch(0), []);
    await asSuperuser(watched, damages[0]!.damage);
    assert.deepEqual(await watch(14), []);
    assert.deepEqual(await watch(15), ["invariant:stock"]);
    await asSuperuser(watched, damages[0]!.repair);
    assert.deepEqual(await watch(16), ["invariant:stock"]);
    assert.deepEqual(await watch(30), []);
  }, ["no_success"]);
});

Deno.test("an operator closes the alert of an event, with a reason, and no other", async () => {
  await withWatched(databases, async ({ sql, at, placeOrder, run, watch, alert }) => {
    const order = await placeOrder(60);
    await sql`select public.mark_order_paid(${order}, 'pi_1')`;
    await sql`select public.mark_order_paid(${order}, 'pi_2')`;
    await run(0, "failed");
    const [twice] = (await watch(1)).filter((key) => key.startsWith("paid_twice:"));
    const { id, code } = await alert(twice!);
    assert.equal(code, "L013");
    const resolve = (id: number, reason: string) =>
      sql`select public.jobs_resolve_alert(${id}, ${reason}, 'ana', ${at(2)})`;
    await assert.rejects(resolve(id, " "), { code: "22023" });
    await assert.rejects(resolve(99, "refunded"), { code: "PT404" });
    await assert.rejects(resolve((await alert("run_failed:expire-stale-orders")).id, "fixed"), {
      code: "PT409",
      message: /closes by itself when its cause is gone: current value is run_failed/,
    });
    await resolve(id, "refunded pi_2");
    const closed = await alert(twice!);
    assert.deepEqual([closed.resolved_at, closed.resolved_by, closed.resolved_reason], [at(2), "ana", "refunded pi_2"]);
    await assert.rejects(resolve(id, "again"), { code: "PT409" });
    assert.deepEqual(await watch(3), ["run_failed:expire-stale-orders"]);
  });
});

Deno.test("a part of the watch that fails raises L016 and holds up none of the others", async () => {
  await withWatched(databases, async (watched) => {
    const { sql, watch, alert, run } = watched;
    const [original] = await sql`select pg_get_functiondef('jobs.shop_quarantined()'::regprocedure) as sql`;
    await sql.unsafe(
      "create or replace function jobs.shop_quarantined() returns table (orders integer, examples uuid[]) language sql as $$ select 1 / 0, null::uuid[] $$",
    );
    await run(0, "failed");
    assert.deepEqual(await watch(1), ["run_failed:expire-stale-orders", "watch_failed:check:quarantined"]);
    const { code, details } = await alert("watch_failed:check:quarantined");
    assert.deepEqual([code, details], ["L016", { error: "division by zero", sqlstate: "22012" }]);
    await sql.unsafe(original!.sql);
    assert.deepEqual(await watch(2), ["run_failed:expire-stale-orders"]);
  });
});

Deno.test("without settings the watch says so, and closes no alert that was open", async () => {
  await withWatched(databases, async (watched) => {
    await watched.placeOrder(0);
    assert.deepEqual(await watched.watch(31), ["overdue:expire-stale-orders"]);
    const [settings] = await watched.sql`delete from jobs.settings returning *`;
    const keys = await watched.watch(32);
    assert.ok(keys.includes("overdue:expire-stale-orders") && keys.includes("watch_failed:check:overdue"));
    await watched.sql`insert into jobs.settings ${watched.sql(settings!)}`;
    assert.deepEqual(await watched.watch(33), ["overdue:expire-stale-orders"]);
  }, ["no_success"]);
});

Deno.test("two watches at once do not get in each other's way", async () => {
  await withWatched(databases, async ({ sql }) => {
    const other = await sql.reserve();
    await other`begin`;
    await other`select jobs.watch()`;
    assert.deepEqual((await sql`select jobs.watch() as answer`)[0]!.answer, { answer: "busy" });
    await other`commit`;
    other.release();
  });
});

Deno.test("every check has its kind, and every kind its check", async () => {
  await withWatched(databases, async ({ sql }) => {
    const checks = await sql`
      select substr(proname, 7) as kind from pg_proc where pronamespace = 'jobs'::regnamespace and proname like 'check\\_%' order by 1`;
    const kinds = await sql`
      select kind from jobs.alert_kinds where nature = 'check' and kind <> 'watch_failed' order by 1`;
    assert.deepEqual([...checks], [...kinds]);
  });
});

async function asSuperuser({ adminUrl }: Watched, sql: string): Promise<void> {
  await withConnection(adminUrl, (admin) => admin.unsafe(`set session_replication_role = replica; ${sql}`).simple());
}
