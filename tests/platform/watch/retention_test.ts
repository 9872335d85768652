import assert from "node:assert/strict";
import { type Databases, startDatabases } from "../../../local/platform/databases.ts";
import { withConnection } from "../../../local/postgres/databases.ts";
import { type Watched, withWatched } from "./watched-database.ts";

let databases: Databases;
Deno.test.beforeAll(async () => {
  databases = await startDatabases();
});
Deno.test.afterAll(() => databases.stop());

const day = 60 * 24;

Deno.test("each kind of row is deleted after its own retention time, and not before", async () => {
  await withWatched(databases, async (watched) => {
    const { sql, at } = watched;
    const ref = await watched.placeOrder(0);
    await watched.close(0);
    await sql`
      insert into lapse.payments (stripe_id, ref, state, reason, evidence, attached_at, closed_at)
      values ('pi_1', ${ref}, 'dead', 'canceled', '{}', ${at(0)}, ${at(0)})`;
    await sql`
      insert into lapse.orders (ref, status, placed_at, deadline, watched_at)
      values ('nobody', 'unknown', ${at(0)}, ${at(0)}, ${at(0)})`;
    await watched.run(0, "failed");
    await watched.run(0);
    await sql`
      insert into lapse.schedule_slots (job, slot_at, claimed_at)
      values ('cleanup-stale-payment-intents', ${at(0)}, ${at(0)})`;
    await addTicks(watched, [0]);
    const before = await counts(watched);
    assert.deepEqual(before, {
      cronHistory: 1,
      runs: 3,
      decisions: 1,
      orders: 2,
      payments: 1,
      alerts: 1,
      slots: 1,
    });

    const steps: [number, Partial<Counts>][] = [
      [7, { cronHistory: 0 }],
      [90, { runs: 0, orders: 0 }],
      [180, { decisions: 0, alerts: 0 }],
      [400, { payments: 0, slots: 0 }],
    ];
    const expected = { ...before };
    for (const [days, gone] of steps) {
      await retain(watched, days * day);
      assert.deepEqual(await counts(watched), expected, `${days} days`);
      await retain(watched, days * day + 1);
      Object.assign(expected, gone);
      assert.deepEqual(await counts(watched), expected, `more than ${days} days`);
    }
    const [totals] =
      await sql`select orders_expired_total, runs_total from lapse.metrics where job = 'expire-stale-orders'`;
    assert.deepEqual(totals, { orders_expired_total: "1", runs_total: "3" });
    assert.equal((await sql`select from public.orders where id = ${ref}`).length, 1, "the shop's order is the shop's");
  });
});

Deno.test("a decision is kept as long as its run, so that the counters of every kept run still add up", async () => {
  await withWatched(databases, async (watched) => {
    const { sql } = watched;
    await sql`update lapse.settings set keep_decisions = '1 day'`;
    await watched.placeOrder(0);
    await watched.close(0);
    await retain(watched, 60 * day);
    assert.equal((await counts(watched)).decisions, 1);
    assert.equal((await sql`select lapse.miscounted_runs('-infinity')`).length, 0);
    await retain(watched, 91 * day);
    const { runs, decisions } = await counts(watched);
    assert.deepEqual([runs, decisions], [0, 0]);
  });
});

Deno.test("unfinished rows are kept, however old they are", async () => {
  await withWatched(databases, async (watched) => {
    const { sql, at } = watched;
    await sql`select lapse.raise_alert('paid_twice:1', null, 'critical', 'x', '{}', ${at(0)})`;
    await watched.dispatch(0);
    const [open, quarantined, closed] = [
      await watched.placeOrder(0),
      await watched.placeOrder(0),
      await watched.placeOrder(0),
    ];
    await sql`update lapse.orders set status = 'quarantined', next_check_at = null where ref = ${quarantined}`;
    await sql`
      update lapse.orders set status = 'paid', next_check_at = null, closed_at = ${
      at(0)
    }, payments = 1 where ref = ${closed}`;
    await sql`
      insert into lapse.payments (stripe_id, ref, state, evidence, attached_at, closed_at) values
        ('pi_of_open', ${open}, 'dead', '{}', ${at(0)}, ${at(0)}),
        ('pi_of_quarantined', ${quarantined}, 'paid', '{}', ${at(0)}, ${at(0)}),
        ('pi_paid', ${closed}, 'paid', '{}', ${at(0)}, ${at(0)}),
        ('pi_leftover', ${closed}, 'open', null, ${at(0)}, null)`;
    await sql`insert into lapse.inbox (kind, ref, at, error) values ('follow', 'x', ${at(0)}, 'odd')`;
    await sql`
      insert into lapse.list_cursors (livemode, list, read_from, read_to) values (false, 'payment_intents', ${at(0)}, ${
      at(0)
    })`;
    const before = await counts(watched);
    await retain(watched, 1000 * day);
    assert.deepEqual(await counts(watched), before);
    assert.equal((await sql`select from lapse.inbox`).length + (await sql`select from lapse.list_cursors`).length, 2);

    await sql`update lapse.payments set state = 'dead', evidence = '{}', closed_at = ${
      at(0)
    } where stripe_id = 'pi_leftover'`;
    await retain(watched, 1000 * day);
    const { orders, payments } = await counts(watched);
    assert.deepEqual([orders, payments], [2, 2]);
  });
});

Deno.test("only the retention deletes a payment", async () => {
  await withWatched(databases, async ({ sql, at }) => {
    await sql`
      insert into lapse.payments (stripe_id, ref, state, evidence, attached_at, closed_at)
      values ('pi_1', 'x', 'dead', '{}', ${at(0)}, ${at(0)})`;
    await sql`select lapse.retain_batch('payments', ${at(0)})`;
    await assert.rejects(sql`delete from lapse.payments where true`, { code: "23001" });
  });
});

Deno.test("one call deletes batch after batch until nothing is left or its time runs out", async () => {
  await withWatched(databases, async (watched) => {
    const { sql, at } = watched;
    await sql`update lapse.settings set retention_batch = 2`;
    await sql`
      insert into lapse.decisions (run_id, job, subject, outcome, reason, decided_at)
      select gen_random_uuid(), 'expire-stale-orders', 'order', 'expired', 'x', ${at(0)} from generate_series(1, 9)`;
    await addTicks(watched, [0, 1, 2, 3, 4, 300 * day]);
    await sql`call lapse.retain(${at(200 * day)}, '0 seconds')`;
    assert.deepEqual([(await counts(watched)).cronHistory, (await counts(watched)).decisions], [4, 9]);
    await retain(watched, 200 * day);
    assert.deepEqual([(await counts(watched)).cronHistory, (await counts(watched)).decisions], [1, 0]);
  });
});

Deno.test("no step deletes more than one batch at a time", async () => {
  await withWatched(databases, async ({ sql, at }) => {
    const old = at(0);
    await sql`update lapse.settings set retention_batch = 2`;
    await sql`
      insert into lapse.runs (job, status, trigger, created_at, started_at, finished_at, duration_ms)
      select 'expire-stale-orders', 'succeeded', 'schedule', ${old}, ${old}, ${old}, 1 from generate_series(1, 5)`;
    await sql`
      insert into lapse.orders (ref, status, reason, amount, currency, placed_at, deadline, closed_at)
      select 'closed' || n, 'expired', 'all_dead', 100, 'eur', ${old}, ${old}, ${old} from generate_series(1, 5) n
      union all
      select 'unknown' || n, 'unknown', null, null, null, ${old}, ${old}, null from generate_series(1, 5) n`;
    await sql`
      insert into lapse.payments (stripe_id, ref, state, reason, evidence, closed_at)
      select 'pi_' || n, 'gone' || n, 'dead', 'canceled', '{}', ${old} from generate_series(1, 5) n`;
    await sql`
      insert into lapse.refunds (stripe_id, ref, reason, status, created_at, ended_at)
      select 'pi_forgotten' || n, 'gone' || n, 'order_expired', 'succeeded', ${old}, ${old} from generate_series(1, 5) n`;
    await sql`
      insert into lapse.alerts (key, code, severity, message, object, command, advice, runbook, since, first_seen_at, last_seen_at, resolved_at)
      select 'late_payment:' || n, 'L014', 'critical', 'x', 'x', 'x', 'x', 'x', ${old}, ${old}, ${old}, ${old}
      from generate_series(1, 5) n`;
    await sql`
      insert into lapse.events (id, type, received_at)
      select 'evt_' || n, 'payment_intent.succeeded', ${old} from generate_series(1, 5) n`;
    for (const [step, table] of Object.entries(TABLES)) {
      const rows = async () => Number((await sql.unsafe(`select count(*) from lapse.${table}`))[0]!.count);
      const before = await rows();
      const [answer] = await sql`select lapse.retain_batch(${step}, ${at(500 * day)}) as more`;
      assert.deepEqual([before - await rows(), answer!.more], [2, true], step);
    }
  });
});

const TABLES = {
  runs: "runs",
  orders: "orders",
  unknown_orders: "orders",
  payments: "payments",
  refunds: "refunds",
  events: "events",
  alerts: "alerts",
};

Deno.test("the history of pg_cron's other jobs is left alone and does not block the deletion", async () => {
  await withWatched(databases, async (watched) => {
    const { sql } = watched;
    await sql`update lapse.settings set retention_batch = 2`;
    const [other] = await sql`select cron.schedule('nightly-report', '0 3 * * *', 'select 1') as id`;
    await addTicks(watched, [0, 1, 2, 3], other!.id);
    await addTicks(watched, [4, 5]);
    await retain(watched, 8 * day);
    assert.deepEqual([...await sql`select distinct jobid from cron.job_run_details`], [{ jobid: other!.id }]);
    const [more] = await sql`select lapse.retain_batch('cron_history', ${watched.at(8 * day)}) as more`;
    assert.equal(more!.more, false);
    await addTicks(watched, [6, 20 * day]);
    await retain(watched, 9 * day);
    assert.equal((await counts(watched)).cronHistory, 5);
  });
});

Deno.test("a history that was emptied manually is cleaned up again, whatever number it begins with", async () => {
  await withWatched(databases, async (watched) => {
    await addTicks(watched, [0, 1, 2]);
    await retain(watched, 8 * day);
    await withConnection(watched.adminUrl, (sql) => sql`alter sequence cron.runid_seq restart`);
    await addTicks(watched, [3]);
    await retain(watched, 9 * day);
    assert.equal((await counts(watched)).cronHistory, 0);
  });
});

Deno.test("ticks without a connection have no time and are deleted with those after them", async () => {
  await withWatched(databases, async (watched) => {
    await addTicks(watched, [null, 0, null, 10 * day, null]);
    await retain(watched, 8 * day);
    assert.equal((await counts(watched)).cronHistory, 3, "between two known times the later one counts");
  });
});

Deno.test("retention times that would break something are refused", async () => {
  await withWatched(databases, async ({ sql }) => {
    for (
      const setting of [
        "keep_slots = '13 days'",
        "keep_runs = '1 day'",
        "retention_batch = 0",
        "keep_cron_history = '0'",
      ]
    ) {
      await assert.rejects(sql.unsafe(`update lapse.settings set ${setting}`), { code: "23514" }, setting);
    }
  });
});

async function retain({ sql, at }: Watched, minutes: number): Promise<void> {
  await sql`call lapse.retain(${at(minutes)})`;
}

type Counts = Record<"cronHistory" | "runs" | "decisions" | "orders" | "payments" | "alerts" | "slots", number>;

async function counts({ sql }: Watched): Promise<Counts> {
  const [row] = await sql`
    select
      (select count(*) from cron.job_run_details)::int as "cronHistory",
      (select count(*) from lapse.runs)::int as runs,
      (select count(*) from lapse.decisions)::int as decisions,
      (select count(*) from lapse.orders)::int as orders,
      (select count(*) from lapse.payments)::int as payments,
      (select count(*) from lapse.alerts)::int as alerts,
      (select count(*) from lapse.schedule_slots)::int as slots`;
  return row as Counts;
}

/** Rows of pg_cron's history that ended at these minutes, in the order of their ids; null: never connected. Of the watch, unless a job is given. */
async function addTicks({ adminUrl, at }: Watched, minutes: (number | null)[], job?: string): Promise<void> {
  await withConnection(adminUrl, async (sql) => {
    for (const minute of minutes) {
      const ended = minute === null ? null : at(minute);
      await sql`
        insert into cron.job_run_details (jobid, username, status, start_time, end_time)
        select jobid, 'postgres', 'failed', ${ended}, ${ended} from cron.job
        where jobid = ${job ?? null} or (${job === undefined} and jobname = 'lapse-watch')`;
    }
  });
}
