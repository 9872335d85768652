import assert from "node:assert/strict";
import postgres from "postgres";
import { beginAnswer } from "../../../functions/_shared/database/runs.ts";
import { type Databases, startDatabases } from "../../../local/platform/databases.ts";

// Any value of a setting is either refused with the setting's name, or both jobs and the watch work with it.

let databases: Databases;
Deno.test.beforeAll(async () => {
  databases = await startDatabases();
});
Deno.test.afterAll(() => databases.stop());

const ODD: Record<string, string[]> = {
  integer: ["null", "-2147483648", "-1", "0", "1", "2147483647"],
  bigint: ["null", "-9223372036854775808", "-1", "0", "1", "9223372036854775807"],
  numeric: ["null", "'-Infinity'", "-1", "0", "1e-300", "1", "1e300", "'Infinity'", "'NaN'"],
  interval: [
    ...["null", "'-infinity'", "'-178000000 years'", "'-1 second'", "'0'", "'1 microsecond'"],
    ...["'178000000 years'", "'infinity'"],
  ],
  text: ["null", "''", "' '", "E'order_id\\n'", "'∞'", "repeat('x', 100000)"],
  boolean: ["null", "true", "false"],
  "time without time zone": ["null", "'00:00'", "'24:00'", "'23:59:59.999999'"],
  "timestamp with time zone": ["null", "'-infinity'", "'0001-01-01'", "'9999-12-31'", "'infinity'"],
};

/** A table of settings, the row to change, and the columns that are not set. */
const TABLES = [
  { table: "settings", where: "only_row", except: ["only_row"] },
  { table: "schedules", where: "job = 'cleanup-stale-payment-intents'", except: ["job"] },
  { table: "schedules", where: "job = 'expire-stale-orders'", except: ["job"] },
  { table: "deadline_policies", where: "method is null and channel is null", except: ["id"] },
];

for (const { table, where, except } of TABLES) {
  Deno.test(`an odd value of a column of lapse.${table} (${where}) is refused, or everything works with it`, async () => {
    await using database = await databases.fresh();
    const sql = postgres(database.url, { max: 1, onnotice: () => {} });
    try {
      await sql`select lapse.set_functions_url('https://project.test'), lapse.set_secret('lapse_scheduler_secret', repeat('s', 32))`;
      const columns = await sql<{ name: string; type: string }[]>`
        select attname as name, format_type(atttypid, null) as type from pg_attribute
        where attrelid = ${`lapse.${table}`}::regclass and attnum > 0 and not attisdropped and attgenerated = ''
          and attname <> all (${except})`;
      assert.ok(columns.length > 2);
      let refused = 0;
      for (const { name, type } of columns) {
        assert.ok(ODD[type], `no odd values are known for ${name} ${type}`);
        for (const value of ODD[type]) {
          const change = `update lapse.${table} set ${name} = ${value} where ${where}`;
          refused += await isRefused(sql, change, name) ? 1 : 0;
        }
      }
      assert.ok(refused > columns.length, `${refused} values were refused`);
    } finally {
      await sql.end();
    }
  });
}

/** Makes the change, tries everything that reads the setting, and takes it back. */
async function isRefused(sql: postgres.Sql, change: string, column: string): Promise<boolean> {
  const undone = Symbol("undone");
  try {
    await sql.begin(async (transaction) => {
      await transaction.unsafe(change);
      await tryEverything(transaction).catch((error) => assert.fail(`${change.slice(0, 200)}: ${error}`));
      throw undone;
    });
  } catch (error) {
    if (error === undone) return false;
    if (error instanceof assert.AssertionError) throw error;
    const { code, message, constraint_name = "", column_name = "" } = error as postgres.PostgresError;
    const isNamed = [message, constraint_name, column_name].some((text) => text.includes(column));
    // A constraint over several columns has a name that says what it wants.
    const isSaid = constraint_name !== "" && !constraint_name.endsWith("_check");
    assert.ok(isNamed || isSaid || code === "22023", `${change.slice(0, 200)}: ${code} ${message}`);
    return true;
  }
  return assert.fail("not reached");
}

async function tryEverything(sql: postgres.TransactionSql): Promise<void> {
  const now = new Date();
  await sql`select lapse.watch_order(p_ref => 'x', p_amount => 100, p_currency => 'eur', p_method => 'card')`;
  for (const job of ["expire-stale-orders", "cleanup-stale-payment-intents"]) {
    const [begun] = await sql`
      select lapse.begin_run(p_run_id => gen_random_uuid(), p_job => ${job}, p_trigger => 'server', p_now => ${now}) as answer`;
    const answer = beginAnswer.safeParse(begun!.answer);
    assert.ok(answer.success, String(answer.error));
    assert.ok(["running", "braked"].includes(answer.data.answer), answer.data.run.error ?? "");
    const { id, fence } = answer.data.run;
    if (answer.data.answer === "braked") continue;
    await sql`select lapse.list_windows(p_run_id => ${id}, p_fence => ${fence}, p_livemode => false)`;
    await sql`select lapse.claim_orders(p_run_id => ${id}, p_fence => ${fence}, p_limit => 10)`;
    await sql`select lapse.settle_orders(p_run_id => ${id}, p_fence => ${fence}, p_decisions => '[]')`;
    await sql`select lapse.next_look(null, now()), lapse.next_attempt(20, null, now())`;
    await sql`select lapse.finish_run(${id}, 'succeeded')`;
  }
  await sql`select lapse.dispatch_due_slot('cleanup-stale-payment-intents')`;
  await sql`select lapse.watch_part(p.part, ${now}) from (select part from lapse.watch_parts order by position) p`;
  const failed = await sql`
    select key, details ->> 'cause' as cause from lapse.alerts where key like 'watch_failed:%' and resolved_at is null`;
  assert.deepEqual([...failed], []);
  await sql`select lapse.retain_batch(step) from unnest(lapse.retention_order()) step`;
  await sql`select lapse.health(p_now => now()), lapse.schedule(), lapse.read_metrics()`;
}
