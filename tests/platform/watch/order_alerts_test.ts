import assert from "node:assert/strict";
import { type Databases, startDatabases } from "../../../local/platform/databases.ts";
import { cleanup, expire, type Watched, withWatched } from "./watched-database.ts";

let databases: Databases;
Deno.test.beforeAll(async () => {
  databases = await startDatabases();
});
Deno.test.afterAll(() => databases.stop());

const brake = `brake:${expire}`;

Deno.test("the brake's alert L007 closes when fewer orders are due", async () => {
  await withWatched(databases, async ({ sql, placeOrder, begin, watch, alert }) => {
    await sql`update lapse.settings set brake_threshold = 1`;
    const [order] = [await placeOrder(0), await placeOrder(0)];
    assert.equal((await begin(0)).answer, "braked");
    assert.deepEqual(await watch(3), [brake]);
    const { code, severity, message } = await alert(brake);
    assert.deepEqual([code, severity, message], [
      "L007",
      "critical",
      "The brake of expire-stale-orders is on, so its runs change nothing",
    ]);
    await sql`select lapse.mark_paid(${order}, 'pi_1')`;
    assert.deepEqual(await watch(4), []);
  });
});

Deno.test("the watch does not raise a brake again that an operator released, until other orders fall due", async () => {
  await withWatched(databases, async ({ sql, placeOrder, begin, finish, watch }) => {
    await sql`update lapse.settings set brake_threshold = 1`;
    for (const minute of [0, 0]) await placeOrder(minute);
    await begin(0);
    const { answer, run } = await begin(1, { release: true });
    assert.equal(answer, "running");
    assert.deepEqual(await watch(1), []);
    for (const minute of [2, 2]) await placeOrder(minute);
    await finish(3, run.id);
    await begin(4);
    assert.deepEqual(await watch(5), [brake]);
  });
});

Deno.test("a brake that was switched on stays on until an operator releases it", async () => {
  await withWatched(databases, async ({ sql, begin, finish, watch, alert }) => {
    await sql`update lapse.jobs set brake_on = true where job = ${cleanup}`;
    assert.equal((await begin(0, { job: cleanup })).answer, "braked");
    for (const minute of [1, 60]) assert.deepEqual(await watch(minute), [`brake:${cleanup}`]);
    assert.match((await alert(`brake:${cleanup}`)).cause, /^The brake is on until an operator releases it$/);
    const { run } = await begin(61, { job: cleanup, release: true });
    await finish(61, run.id);
    assert.deepEqual(await watch(61), []);
  }, ["no_success"]);
});

Deno.test("quarantined orders raise L010 until the last one is redriven", async () => {
  await withWatched(databases, async ({ sql, placeOrder, watch, alert }) => {
    const ref = await placeOrder(60);
    await quarantine(sql, ref);
    assert.deepEqual(await watch(1), ["quarantined"]);
    const { code, severity, message, details } = await alert("quarantined");
    assert.deepEqual([code, severity, message], ["L010", "warning", "An order is quarantined"]);
    assert.deepEqual(details, { count: 1, refs: [ref], cause: "1 test" });
    await sql`select lapse.redrive_order(${ref}, 'inspected', 'test')`;
    assert.deepEqual(await watch(2), []);
  });
});

Deno.test("a missing adapter raises L018 while the jobs are on, and is a reason for lapse-health", async () => {
  await withWatched(databases, async ({ sql, watch, alert, health }) => {
    await sql`alter function lapse_shop.finish_orders(text[], text[]) rename to finish_orders_elsewhere`;
    assert.deepEqual([await watch(0), await health(0)], [["adapter"], ["adapter_missing"]]);
    const { code, severity, message, cause } = await alert("adapter");
    assert.deepEqual([code, severity], ["L018", "critical"]);
    assert.equal(message, "The shop's adapter does not fit");
    assert.match(cause, /lapse_shop\.finish_orders\(text\[\],text\[\]\) is missing/);
    await sql`select lapse.pause_schedules()`;
    assert.deepEqual(await watch(1), []);
    await assert.rejects(sql`select lapse.enable_schedules()`, { code: "LP010" });
    await sql`alter function lapse_shop.finish_orders_elsewhere(text[], text[]) rename to finish_orders`;
    await sql`select lapse.enable_schedules()`;
    assert.deepEqual([await watch(2), await health(2)], [[], []]);
  });
});

Deno.test("an entry of the inbox that cannot be interpreted raises L019 until it is removed", async () => {
  await withWatched(databases, async ({ sql, at, watch, alert }) => {
    await sql`insert into lapse.inbox (kind, ref, payload) values ('attach', 'x', '{"stripe_id": "nonsense"}')`;
    await sql`select lapse.fold_inbox(p_now => ${at(0)})`;
    assert.deepEqual(await watch(1), ["inbox"]);
    const { code, object, cause } = await alert("inbox");
    assert.deepEqual([code, object], ["L019", "order x"]);
    assert.match(cause, /^entry \d+, attach: /);
    await sql`delete from lapse.inbox where error is not null`;
    assert.deepEqual(await watch(2), []);
  });
});

Deno.test("a list that cannot be read raises L020, a warning that becomes critical, until it is read", async () => {
  await withWatched(databases, async ({ sql, at, begin, placeOrder, finish, watch, alert }) => {
    await placeOrder(0);
    const { run } = await begin(0);
    const failed = (list: string) =>
      sql`select lapse.list_failed(${run.id}, ${run.fence}, false, '', ${list}, 'HTTP 403', ${at(0)})`;
    await sql`select lapse.list_windows(${run.id}, ${run.fence}, false, ${at(0)})`;
    await failed("checkout_sessions");
    await finish(0, run.id, "partial");
    assert.deepEqual(await watch(1), ["list_unread"]);
    const { code, severity, message, cause } = await alert("list_unread");
    assert.deepEqual([code, severity], ["L020", "warning"]);
    assert.match(message, /cannot be read, and orders of that account wait$/);
    assert.match(cause, /^checkout_sessions, read to .* UTC: HTTP 403$/);
    await watch(31);
    assert.equal((await alert("list_unread")).severity, "critical");
    await sql`update lapse.list_cursors set failing_since = null where failing_since is not null`;
    assert.ok(!(await watch(32)).includes("list_unread"));

    // A connected account's list is read while the account has due orders; otherwise no run would notice that it works again.
    await sql`update lapse.list_cursors set failing_since = ${
      at(32)
    }, account = 'acct_1' where list = 'payment_intents'`;
    assert.ok(!(await watch(32)).includes("list_unread"));
    await sql`update lapse.orders set account = 'acct_1'`;
    assert.ok((await watch(33)).includes("list_unread"));
    await sql`update lapse.list_cursors set account = ''`;

    await sql`update lapse.list_cursors set failing_since = ${at(33)} where list = 'payment_intents'`;
    await sql`update lapse.runs set livemode = true where livemode is not null`;
    assert.ok(!(await watch(34)).includes("list_unread"), "test mode concerns nobody once the key is live");
  }, ["overdue", "no_success"]);
});

Deno.test("a payment that has been processing for two weeks raises L021", async () => {
  await withWatched(databases, async ({ sql, at, placeOrder, watch, alert }) => {
    const ref = await placeOrder(60 * 24 * 30);
    await sql`
      insert into lapse.payments (stripe_id, ref, attached_at, reason)
      values ('pi_slow', ${ref}, ${at(0)}, 'processing'), ('pi_open', ${ref}, ${at(0)}, 'customer_action')`;
    assert.deepEqual(await watch(60 * 24 * 14), []);
    assert.deepEqual(await watch(60 * 24 * 14 + 1), ["processing_long"]);
    const { code, severity, message, object } = await alert("processing_long");
    assert.deepEqual([code, severity, message], [
      "L021",
      "warning",
      "A payment has been processing for a very long time",
    ]);
    assert.equal(object, `order ${ref}, payment pi_slow`);
    await sql`update lapse.payments set reason = 'succeeded', state = 'paid', evidence = '{}', closed_at = ${at(0)}`;
    assert.deepEqual(await watch(60 * 24 * 14 + 2), []);
  }, ["no_success"]);
});

Deno.test("an operator closes only alerts of events, and only with a reason", async () => {
  await withWatched(databases, async ({ sql, at, run, watch, alert }) => {
    await sql`select lapse.raise_alert('paid_twice:1', null, 'critical', 'Paid twice', '{}', ${at(0)})`;
    await run(0, "failed");
    assert.deepEqual(await watch(1), ["paid_twice:1", `run_failed:${expire}`]);
    const { id, code } = await alert("paid_twice:1");
    assert.equal(code, "L013");
    const resolve = (id: number, reason: string) =>
      sql`select lapse.resolve_alert(${id}::bigint, ${reason}, 'ana', ${at(2)})`;
    await assert.rejects(resolve(id, " "), { code: "22023" });
    await assert.rejects(resolve(99, "refunded"), { code: "PT404" });
    await assert.rejects(resolve((await alert(`run_failed:${expire}`)).id, "fixed"), {
      code: "PT409",
      message: /run_failed:expire-stale-orders closes automatically when its cause is gone/,
    });
    await resolve(id, "refunded pi_2");
    const closed = await alert("paid_twice:1");
    assert.deepEqual([closed.resolved_at, closed.resolved_by, closed.resolved_reason], [at(2), "ana", "refunded pi_2"]);
    await assert.rejects(resolve(id, "again"), { code: "PT409" });
    assert.deepEqual(await watch(3), [`run_failed:${expire}`]);
  });
});

function quarantine(sql: Watched["sql"], ref: string): Promise<unknown> {
  return sql`update lapse.orders set status = 'quarantined', reason = 'test', next_check_at = null where ref = ${ref}`;
}
