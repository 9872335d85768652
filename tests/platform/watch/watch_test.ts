import assert from "node:assert/strict";
import postgres from "postgres";
import { type Databases, startDatabases } from "../../../local/platform/databases.ts";
import { expire, type Watched, withWatched } from "./watched-database.ts";

let databases: Databases;
Deno.test.beforeAll(async () => {
  databases = await startDatabases();
});
Deno.test.afterAll(() => databases.stop());

const runFailed = `run_failed:${expire}`;
const cutOff = "watch_failed:check:quarantined";

Deno.test("a failing part of the watch raises L016 and does not block the others", async () => {
  await withWatched(databases, async (watched) => {
    const { watch, alert, run } = watched;
    const repair = await replaceCheck(watched, "select 1 / 0");
    await run(0, "failed");
    assert.deepEqual(await watch(1), [runFailed, cutOff]);
    const { code, details } = await alert(cutOff);
    assert.deepEqual([code, details], ["L016", { cause: "division by zero (22012)" }]);
    await repair();
    assert.deepEqual(await watch(2), [runFailed]);
  });
});

/** Ways in which the server ends a statement that no exception handler of the watch sees. */
const ends: { how: string; settings: Record<string, number>; end?: (sql: postgres.Sql) => Promise<unknown> }[] = [
  { how: "a time limit", settings: { statement_timeout: 2500 } },
  { how: "pg_cancel_backend", settings: {}, end: (sql) => endWatch(sql, "pg_cancel_backend") },
  { how: "pg_terminate_backend", settings: {}, end: (sql) => endWatch(sql, "pg_terminate_backend") },
];

for (const { how, settings, end } of ends) {
  Deno.test(`a watch that is cut off keeps the results of its parts, and the next one raises an alert and does the rest: ${how}`, async () => {
    await withWatched(databases, async (watched) => {
      const { sql, url, at, run, watch, alert } = watched;
      await run(0, "failed");
      const repair = await replaceCheck(watched, "select pg_sleep(30)");
      const look = async (minute: number) => {
        const own = postgres(url, { max: 1, connection: settings, onnotice: () => {} });
        const looking = assert.rejects(async () => void await own`call lapse.watch(${at(minute)})`);
        await end?.(sql);
        await looking;
        await own.end({ timeout: 1 });
        return (await sql`select key from lapse.alerts where resolved_at is null order by key`).map(({ key }) => key);
      };
      assert.deepEqual(await look(1), [runFailed]);
      assert.deepEqual(await watchedAt(watched), at(0), "it did not come to its end");

      assert.deepEqual(await look(2), [runFailed, cutOff]);
      assert.deepEqual(await watchedAt(watched), at(2), "everything else was done before the part that is cut off");
      const { code, message } = await alert(cutOff);
      assert.deepEqual([code, message], ["L016", "The watch was cut off in its part check:quarantined"]);

      await repair();
      assert.deepEqual(await watch(3), [runFailed]);
      assert.equal((await alert(cutOff)).occurrences, 2);
    });
  });
}

Deno.test("while the watch counts, it locks no row that a run needs", async () => {
  await withWatched(databases, async (watched) => {
    const { sql, url, at, begin } = watched;
    const { run } = await begin(0);
    await replaceCheck(watched, "select pg_sleep(30)");
    const own = postgres(url, { max: 1, onnotice: () => {} });
    const looking = own`call lapse.watch(${at(0.5)})`.catch(() => {});
    await untilAsleep(sql);
    await sql.begin(async (transaction) => {
      await transaction`set local lock_timeout = '500ms'`;
      await transaction`select lapse.hold_lease(${run.id}, ${run.fence}, ${at(0.6)})`;
      await transaction`select from lapse.runs for update`;
      await transaction`select from lapse.orders for update`;
    });
    await endWatch(sql, "pg_cancel_backend");
    await looking;
    await own.end();
  });
});

Deno.test("of two simultaneous watches, one does nothing", async () => {
  await withWatched(databases, async ({ sql, at, run, watch }) => {
    await run(0, "failed");
    await sql`update lapse.alerts set resolved_at = ${at(0)} where resolved_at is null`;
    const other = await sql.reserve();
    await other`begin`;
    await other`select lapse.watch_part('note_watch', ${at(1)})`;
    assert.deepEqual(await watch(1), []);
    await other`commit`;
    other.release();
    assert.deepEqual(await watch(1), [runFailed]);
  });
});

Deno.test("a part of the watch does not run while another watch runs one", async () => {
  await withWatched(databases, async ({ sql, at }) => {
    const part = async () => (await sql`select lapse.watch_part('check:throttled', ${at(1)}) as done`)[0]!.done;
    const other = await sql.reserve();
    await other`begin`;
    await other`select from lapse.watch_state for no key update`;
    assert.equal(await part(), false);
    await other`commit`;
    other.release();
    assert.equal(await part(), true);
  });
});

Deno.test("the watch stops waiting for a lock that is held too long, and raises an alert", async () => {
  await withWatched(databases, async ({ sql, at, watch, alert }) => {
    await sql`select lapse.raise_alert('throttled', null, 'warning', 'x', '{}', ${at(0)})`;
    const other = await sql.reserve();
    await other`begin`;
    await other`select from lapse.alerts for update`;
    assert.ok((await watch(1)).includes("watch_failed:check:throttled"));
    assert.match((await alert("watch_failed:check:throttled")).cause, /\(55P03\)$/);
    await other`commit`;
    other.release();
    assert.deepEqual(await watch(2), []);
  });
});

Deno.test("without settings the watch raises one alert and closes no open one", async () => {
  await withWatched(databases, async ({ sql, placeOrder, watch }) => {
    await sql`update lapse.schedules set active = false where job = ${expire}`;
    await placeOrder(0);
    assert.deepEqual(await watch(31), [`overdue:${expire}`]);
    const [settings] = await sql`delete from lapse.settings returning *`;
    assert.deepEqual(await watch(32), [`overdue:${expire}`, "watch_failed:settings"]);
    await sql`insert into lapse.settings ${sql(settings!)}`;
    assert.deepEqual(await watch(33), [`overdue:${expire}`]);
  });
});

Deno.test("a kind of alert follows only kinds that the watch checks before it", async () => {
  await withWatched(databases, async ({ sql }) => {
    const wrong = await sql`
      select k.kind, f.kind as follows
      from lapse.alert_kinds k
      cross join unnest(k.follows) f (kind)
      left join lapse.alert_kinds cause on cause.kind = f.kind and cause.rank < k.rank
      where cause.kind is null`;
    assert.deepEqual([...wrong], []);
  });
});

Deno.test("every check has its kind and its part of the watch, and every kind its check", async () => {
  await withWatched(databases, async ({ sql }) => {
    const checks = await sql`
      select substr(proname, 7) as kind from pg_proc
      where proname like 'check\\_%' and prorettype = 'lapse.condition'::regtype order by 1`;
    const kinds = await sql`
      select kind from lapse.alert_kinds where nature = 'check' and kind <> 'watch_failed' order by 1`;
    const parts = await sql`select substr(part, 7) as kind from lapse.watch_parts where part like 'check:%' order by 1`;
    assert.deepEqual([[...checks], [...parts]], [[...kinds], [...kinds]]);
  });
});

/** Lets a check do something else than to look for quarantined orders. Answers what repairs it. */
async function replaceCheck({ sql }: Watched, body: string): Promise<() => Promise<unknown>> {
  const [original] = await sql`select pg_get_functiondef('lapse.check_quarantined(timestamptz)'::regprocedure) as sql`;
  await sql.unsafe(`
    create or replace function lapse.check_quarantined(p_now timestamptz) returns setof lapse.condition
    language plpgsql stable as $$ begin perform (${body}); end; $$`);
  return () => sql.unsafe(original!.sql);
}

async function watchedAt({ sql }: Watched): Promise<Date> {
  const [row] = await sql`select watched_at from lapse.watch_state`;
  return row!.watched_at;
}

async function untilAsleep(sql: postgres.Sql): Promise<number> {
  for (;;) {
    const [asleep] = await sql`
      select pid from pg_stat_activity
      where query like 'call lapse.watch%' and wait_event = 'PgSleep' and datname = current_database()`;
    if (asleep) return asleep.pid;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function endWatch(sql: postgres.Sql, how: "pg_cancel_backend" | "pg_terminate_backend"): Promise<void> {
  const pid = await untilAsleep(sql);
  await sql`select ${sql(how)}(${pid})`;
}
