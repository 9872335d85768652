import assert from "node:assert/strict";
import postgres from "postgres";
import type { Databases } from "../../../local/platform/databases.ts";
import { type Stack, type StackOptions, startStack } from "../../../local/stack/start.ts";

/** The whole product with pg_cron and pg_net, without automatic ticks. */
export type WatchedStack = {
  stack: Stack;
  sql: postgres.Sql;
  /** pg_cron's tick of every fifth minute, and pg_net's work after it; ends when each answer is written. */
  tick(): Promise<void>;
  /** One look of the watch, so many seconds from now. Answers the keys of the open alerts. */
  watch(seconds?: number): Promise<string[]>;
  alert(key: string): Promise<postgres.Row>;
  runs(): Promise<postgres.Row[]>;
  /** Waits until no run works any more. */
  rest(): Promise<void>;
};

export async function withWatchedStack(
  databases: Databases,
  work: (stack: WatchedStack) => Promise<void>,
  options: Pick<StackOptions, "stripeApiBase" | "users"> & { faults?: NonNullable<NetFaults> } = {},
): Promise<void> {
  const { faults, ...others } = options;
  const workers = { cron: { pollMs: 0 }, net: { faults } };
  await using stack = await startStack({ databases, users: false, workers, ...others });
  const sql = postgres(stack.database.url, { max: 2 });
  try {
    await installedNow(sql);
    await work(describe(stack, sql));
  } finally {
    await sql.end();
  }
}

/** Prepared databases are copies of an older one; to the watch this one shall be as if it was installed a moment ago. */
export async function installedNow(sql: postgres.Sql): Promise<void> {
  await sql`update lapse.schedules set enabled_at = now(), changed_at = now() where enabled_at is not null`;
  await sql`update lapse.watch_state set watched_at = now() where only_row`;
}

type NetFaults = NonNullable<Exclude<StackOptions["workers"], false | undefined>["net"]>["faults"];

function describe(stack: Stack, sql: postgres.Sql): WatchedStack {
  async function tick(): Promise<void> {
    await stack.workers!.cron!.tick(new Date("2030-01-01T12:05:00Z"));
    await stack.workers!.net!.drain();
  }
  async function watch(seconds = 0): Promise<string[]> {
    await sql`call lapse.watch(now() + make_interval(secs => ${seconds}))`;
    const rows = await sql`select key from lapse.alerts where resolved_at is null order by key`;
    return rows.map(({ key }) => key);
  }
  async function alert(key: string): Promise<postgres.Row> {
    const [row] = await sql`select * from lapse.alerts where key = ${key} order by id desc limit 1`;
    return row!;
  }
  const runs = async () => [...await sql`select * from lapse.runs order by created_at, id`];
  async function rest(): Promise<void> {
    for (let waited = 0; waited < 60_000; waited += 50) {
      if ((await sql`select from lapse.runs where status = 'running'`).length === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.fail("a run still works after a minute");
  }
  return { stack, sql, tick, watch, alert, runs, rest };
}

/** A server that takes requests and never answers them: Stripe on its worst day. */
export function startSilence(): { url: string; asked: Promise<void>; close(): Promise<void> } {
  const asked = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async () => {
    asked.resolve();
    await over.promise;
    return new Response(null, { status: 503 });
  });
  async function close(): Promise<void> {
    over.resolve();
    await server.shutdown();
  }
  return { url: `http://127.0.0.1:${server.addr.port}`, asked: asked.promise, close };
}
