// Everybody writes at once: customers, the shop's own code, its admins, its webhook, and the runs of both jobs.

import assert from "node:assert/strict";
import postgres from "postgres";
import { startDatabases } from "../../local/platform/databases.ts";
import { withConnection } from "../../local/postgres/databases.ts";
import { assertDatabaseAtRest } from "../oracle/at-rest.ts";
import { isLong, lengthOf, report } from "./support/length.ts";
import { prepareWriters, type Traffic, work, writeAll } from "./support/writers.ts";

const SECONDS = Number(Deno.env.get("LAPSE_PROOF_SECONDS") ?? lengthOf({ bounded: 10, long: 120 }));
/** LAPSE_PROOF_SEED repeats the actions, but not their interleaving. */
const seed = Number(Deno.env.get("LAPSE_PROOF_SEED") ?? 20261122);
const ON_HAND = { tea: 10_000_000, mug: 10_000_000 };

Deno.test(`${SECONDS} seconds of checkouts, updates, attachments, cancels, webhooks and runs that take over: no deadlock, no failure, every unit is accounted for`, async () => {
  await using databases = await startDatabases();
  await using database = await databases.fresh();
  const sql = postgres(database.url, { max: 1, onnotice: () => {} });
  try {
    await sql`update lapse.settings set brake_threshold = 1000000, max_attempts = 100, backoff_base = '1 second'`;
    await sql`insert into public.inventory (sku, on_hand) select key, value::integer from jsonb_each_text(${
      sql.json(ON_HAND)
    })`;
    await prepareWriters(sql);

    const traffic = await writeAll(database.url, { seconds: SECONDS, seed });
    tell(traffic);
    assert.deepEqual([...new Set(traffic.errors)], [], "errors");
    await finish(sql);

    const rows = await sql<
      { line: string }[]
    >`select count(*) || ' ' || status as line from public.orders group by status order by status`;
    report(`orders: ${rows.map(({ line }) => line).join(", ")}`);
    await assertDatabaseAtRest({ sql, onHand: ON_HAND });
    const [dead] = await withConnection(database.adminUrl, (admin) =>
      admin`
      select deadlocks::int as n from pg_catalog.pg_stat_database where datname = current_database()`);
    assert.equal(dead!.n, 0, "deadlocks");
    const slowest = p99(traffic.slow.map(({ ms }) => ms));
    report(`p99 of the shop's writes: ${slowest.toFixed(0)} ms`);
    if (!isLong) assert.ok(slowest < 500, `10: the shop's p99 write took ${slowest.toFixed(0)} ms`);
  } finally {
    await sql.end({ timeout: 5 });
  }
});

/** Runs until nothing is due: what was handed back or failed waits no longer. */
async function finish(sql: postgres.Sql): Promise<void> {
  await sql`update lapse.jobs set lease_until = '-infinity'`;
  for (let rounds = 0; rounds < 100; rounds++) {
    // The writers' deadlines are moved past, so that every order is decided.
    await sql`update lapse.orders set deadline = now() - interval '10 minutes' where status = 'pending' and deadline > now() - interval '10 minutes'`;
    await sql`update lapse.orders set next_check_at = now() - interval '5 minutes' where next_check_at > now() - interval '5 minutes'`;
    await work({ sql, random: () => 0.5, runs: { job: "expire-stale-orders", takesOver: false } });
    const [row] = await sql`
      select (select count(*) from lapse.orders where next_check_at is not null)::int as due,
        (select count(*) from lapse.inbox where error is null)::int as notes`;
    if (row!.due === 0 && row!.notes === 0) {
      await sql`call lapse.watch(now() + interval '1 hour')`;
      return;
    }
  }
  throw new Error("6: after a hundred runs orders are still due");
}

function tell({ counts, slow }: Traffic): void {
  for (const [what, n] of Object.entries(counts).sort()) report(`  ${n} times ${what}`);
  for (const what of new Set(slow.map((it) => it.what))) {
    const times = slow.filter((it) => it.what === what).map(({ ms }) => ms);
    report(`  ${what}: p99 ${p99(times).toFixed(0)} ms, slowest ${Math.max(...times).toFixed(0)} ms`);
  }
}

function p99(times: number[]): number {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length * 0.99)] ?? 0;
}
