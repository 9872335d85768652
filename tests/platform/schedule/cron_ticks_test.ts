import assert from "node:assert/strict";
import fc from "fast-check";
import postgres from "postgres";
import { type Databases, startDatabases } from "../../../local/platform/databases.ts";

let databases: Databases;
let sql: postgres.Sql;
Deno.test.beforeAll(async () => {
  databases = await startDatabases();
  sql = postgres((await databases.fresh()).url, { max: 1 });
});
Deno.test.afterAll(async () => {
  await sql.end();
  await databases.stop();
});

Deno.test("the ticks of an expression are the minutes in which pg_cron runs it", async () => {
  // A moment of 2027 and the day before it, minute by minute, by the stand-in's own rule.
  const moment = fc.integer({ min: Date.UTC(2027, 0), max: Date.UTC(2028, 0) }).map((ms) => new Date(ms));
  await fc.assert(
    fc.asyncProperty(expression(), moment, async (cron, until) => {
      const due = await sql`
        select minute as tick
        from generate_series(0, 1439) back
        cross join lateral (select date_trunc('minute', ${until}::timestamptz) - make_interval(mins => back) as minute) m
        where cron._is_due(${cron}, minute)
        order by back`;
      const ticks = await sql`
        select tick from lapse.cron_ticks(${cron}, ${until}, 1440) tick where tick > ${until}::timestamptz - interval '1 day'`;
      assert.deepEqual([...ticks], [...due], cron);
    }),
    { numRuns: 25 },
  );
});

Deno.test("where both day fields are restricted, either of them is enough", async () => {
  const ticks = await sql<{ tick: Date }[]>`select tick from lapse.cron_ticks('0 0 13 * fri', '2027-08-21', 4) tick`;
  assert.deepEqual(ticks.map(({ tick }) => tick.toISOString().slice(0, 10)), [
    "2027-08-20",
    "2027-08-13",
    "2027-08-06",
    "2027-07-30",
  ]);
  const both = await sql<{ tick: Date }[]>`select tick from lapse.cron_ticks('0 0 1 * mon', '2027-08-21', 4) tick`;
  assert.deepEqual(both.map(({ tick }) => tick.toISOString().slice(0, 10)), [
    "2027-08-16",
    "2027-08-09",
    "2027-08-02",
    "2027-08-01",
  ]);
});

Deno.test("an expression that pg_cron would refuse or interpret differently is refused", async () => {
  const refused = [
    "",
    "* * * *",
    "* * * * * *",
    "30 seconds",
    "@hourly",
    "0 0 $ * *",
    "60 * * * *",
    "0 24 * * *",
    "0 0 0 * *",
  ];
  refused.push("0 0 * 13 *", "0 0 * * 8", "*/0 * * * *", "5-1 * * * *", "5/15 * * * *", "1,,2 * * * *", "0 0 * * xyz");
  for (const cron of refused) {
    await assert.rejects(sql`select lapse.cron_ticks(${cron}, now(), 1)`, { code: "22023" }, cron);
  }
});

Deno.test("an expression that never matches has no tick", async () => {
  assert.equal((await sql`select lapse.cron_ticks('0 0 31 2 *', now(), 1)`).length, 0);
});

function expression(): fc.Arbitrary<string> {
  return fc.tuple(field(0, 59), field(0, 23), sparse(1, 28), fc.constant("*"), sparse(0, 7)).map((it) => it.join(" "));
}

function field(low: number, high: number): fc.Arbitrary<string> {
  const number = fc.integer({ min: low, max: high });
  const range = fc.tuple(number, number).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`);
  const step = fc.integer({ min: 1, max: 20 });
  return fc.oneof(
    fc.constant("*"),
    step.map((it) => `*/${it}`),
    fc.array(fc.oneof(number.map(String), range, fc.tuple(range, step).map((it) => it.join("/"))), {
      minLength: 1,
      maxLength: 3,
    })
      .map((it) => it.join(",")),
  );
}

/** Mostly a star: two restricted day fields are the rare case. */
function sparse(low: number, high: number): fc.Arbitrary<string> {
  return fc.oneof({ weight: 2, arbitrary: fc.constant("*") }, { weight: 1, arbitrary: field(low, high) });
}
