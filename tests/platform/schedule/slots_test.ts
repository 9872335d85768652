import assert from "node:assert/strict";
import postgres from "postgres";
import { type Databases, startDatabases } from "../../../local/platform/databases.ts";
import { setVaultEntries } from "../../../local/stack/vault.ts";
import { clockChanges, hour, slotsOf, week } from "./sundays.ts";

const job = "cleanup-stale-payment-intents";

let databases: Databases;
Deno.test.beforeAll(async () => {
  databases = await startDatabases();
});
Deno.test.afterAll(() => databases.stop());

Deno.test("every Sunday of 2026 to 2030 has one claim, at 03:00 in Paris, from ticks every five minutes", async () => {
  // Each half has a database and a connection of its own, for time's sake.
  const halves = await Promise.all([[2026, 2027], [2028, 2030]].map(([first, last]) =>
    withSchedule(async (sql) => {
      await tick(sql, { from: new Date(Date.UTC(first!, 0, 1)), to: new Date(Date.UTC(last! + 1, 0, 1)) });
      return await claims(sql);
    })
  ));
  const slots = slotsOf(2026, 2030);
  assert.equal(slots.length, 261);
  assert.deepEqual(halves.flat(), slots.map((slot) => ({ slot, claimed: slot, dispatched: true })));
});

Deno.test("after an outage from Saturday 22:00 to Sunday 09:00 over each clock change, the slot runs once", async () => {
  await withSchedule(async (sql) => {
    const sundays = clockChanges(2026, 2030);
    for (const sunday of sundays) {
      const at = (hours: number) => new Date(sunday.getTime() + hours * hour);
      await tick(sql, { from: at(-48), to: at(-2) });
      await tick(sql, { from: at(9), to: at(72) });
    }
    const slots = slotsOf(2026, 2030).map((slot) => slot.getTime());
    const expected = sundays.flatMap((sunday) => {
      const slot = slots.find((slot) => slot > sunday.getTime())!;
      return { slot: new Date(slot), claimed: new Date(sunday.getTime() + 9 * hour), dispatched: true };
    });
    assert.equal(sundays.length, 10);
    assert.deepEqual(await claims(sql), expected);
  });
});

Deno.test("a missed slot runs until its catch-up time ends, and not afterwards", async () => {
  await withSchedule(async (sql) => {
    const [slot] = slotsOf(2027, 2027) as [Date];
    await sql`update lapse.schedules set catch_up = '6 hours' where job = ${job}`;
    await tickOnce(sql, new Date(slot.getTime() + 6 * hour + 1));
    assert.deepEqual(await claims(sql), []);
    await tickOnce(sql, new Date(slot.getTime() + 6 * hour));
    assert.deepEqual((await claims(sql)).map(({ slot }) => slot), [slot]);
  });
});

Deno.test("a slot from before the job was turned on does not run", async () => {
  await withSchedule(async (sql) => {
    const [slot] = slotsOf(2027, 2027) as [Date];
    await sql`update lapse.schedules set enabled_at = ${new Date(slot.getTime() + 1)} where job = ${job}`;
    await tickOnce(sql, new Date(slot.getTime() + hour));
    assert.deepEqual(await claims(sql), []);
    await tickOnce(sql, new Date(slot.getTime() + week));
    assert.equal((await claims(sql)).length, 1);
  });
});

Deno.test("two ticks at the same moment claim a slot once", async () => {
  await withSchedule(async (sql, url) => {
    const [slot] = slotsOf(2027, 2027) as [Date];
    const other = postgres(url, { max: 1 });
    await Promise.all([sql, other].map((connection) => tickOnce(connection, slot)));
    await other.end();
    assert.equal((await sql`select from lapse.runs`).length, 1);
    assert.equal((await claims(sql)).length, 1);
  });
});

Deno.test("a slot whose dispatch fails stays unclaimed, and the next tick claims it", async () => {
  await withSchedule(async (sql) => {
    const [slot] = slotsOf(2027, 2027) as [Date];
    await sql`delete from vault.secrets where name = 'lapse_scheduler_secret'`;
    await assert.rejects(tickOnce(sql, slot), /Vault secret lapse_scheduler_secret is missing/);
    assert.deepEqual(await claims(sql), []);
    await sql`select vault.create_secret('secret', 'lapse_scheduler_secret')`;
    await tickOnce(sql, new Date(slot.getTime() + 5 * 60_000));
    assert.equal((await claims(sql)).length, 1);
  });
});

Deno.test("a slot in the first hour of a local day is of that day, while it is still the day before in UTC", async () => {
  await withSchedule(async (sql) => {
    const [slot] = slotsOf(2027, 2027) as [Date];
    await sql`update lapse.schedules set local_time = '00:30', enabled_at = '2026-01-01' where job = ${job}`;
    const early = new Date(slot.getTime() - 2.5 * hour);
    assert.notEqual(early.getUTCDay(), slot.getUTCDay());
    await tickOnce(sql, new Date(early.getTime() - 1));
    await tickOnce(sql, new Date(early.getTime() + 5 * 60_000));
    assert.deepEqual((await claims(sql)).at(-1)!.slot, early);
  });
});

Deno.test("a job without a local time has no slot", async () => {
  await withSchedule(async (sql) => {
    await assert.rejects(
      async () => void await sql`select lapse.dispatch_due_slot('expire-stale-orders', now())`,
      /Cannot dispatch a slot of expire-stale-orders: it has no slots/,
    );
    assert.deepEqual(await claims(sql), []);
  });
});

/** A database whose schedule is older than all the ticks of these tests. */
async function withSchedule<T>(work: (sql: postgres.Sql, url: string) => Promise<T>): Promise<T> {
  await using database = await databases.fresh();
  await setVaultEntries(database.adminUrl, {
    lapse_functions_url: "https://project.test",
    lapse_scheduler_secret: "secret",
  });
  const sql = postgres(database.url, { max: 1 });
  try {
    await sql`update lapse.schedules set enabled_at = '2025-12-31' where job = ${job}`;
    return await work(sql, database.url);
  } finally {
    await sql.end();
  }
}

/** Ticks every five minutes, `from` included and `to` not. */
async function tick(sql: postgres.Sql, { from, to }: { from: Date; to: Date }): Promise<void> {
  await sql`
    select count(lapse.dispatch_due_slot(${job}, tick))
    from generate_series(${from}::timestamptz, ${to}::timestamptz - interval '1 second', interval '5 minutes') tick`;
}

async function tickOnce(sql: postgres.Sql, at: Date): Promise<void> {
  await sql`select lapse.dispatch_due_slot(${job}, ${at})`;
}

async function claims(sql: postgres.Sql): Promise<{ slot: Date; claimed: Date; dispatched: boolean }[]> {
  const rows = await sql<{ slot: Date; claimed: Date; dispatched: boolean }[]>`
    select s.slot_at as slot, s.claimed_at as claimed,
      exists (select from lapse.runs r where r.id = s.run_id and r.job = s.job and r.request_id is not null) as dispatched
    from lapse.schedule_slots s order by s.slot_at`;
  return [...rows];
}
