import assert from "node:assert/strict";
import postgres from "postgres";
import { adapter } from "../../cli/commands/adapter.ts";
import { type Databases, startDatabases } from "../../local/platform/databases.ts";
import { type Stack, startStack } from "../../local/stack/start.ts";
import type { StripeControl } from "../../local/stripe-simulator/control.ts";
import type { Shape } from "./shapes.ts";

/** A project with a shop of this shape and Lapse, without an adapter at first. */
export type Project = {
  stack: Stack;
  sql: postgres.Sql;
  stripe: StripeControl;
  /** Places an order of three units, and answers its ref as the shop writes it at Stripe. */
  place(key: string, options?: { minutesAgo?: number; payment?: string }): Promise<string>;
  /** Runs the job once. */
  run(): Promise<void>;
  /** What the shop says of its orders, by key. */
  states(): Promise<Record<string, string>>;
  /** Units that can be sold. */
  free(): Promise<number>;
};

let databases: Databases;
Deno.test.beforeAll(async () => void (databases = await startDatabases({ shop: null })));
Deno.test.afterAll(() => databases.stop());

export async function withProject(shape: Shape, test: (project: Project) => Promise<void>): Promise<void> {
  await using stack = await startStack({ workers: false, users: false, databases, simulator: { preset: "unlimited" } });
  const sql = postgres(stack.database.url, { max: 3, onnotice: () => {} });
  try {
    await applyShop(sql, shape);
    await sql`update lapse.settings set payments_per_second_test = 1000, cleanup_payments_per_second = 1000 where true`;
    await test(openProject(stack, sql));
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** The shop of this shape, and what a test does in it, in an empty database. */
export async function applyShop(sql: postgres.Sql, { example = [], file }: Shape): Promise<void> {
  for (const name of example) await applyFile(sql, new URL(`../../examples/${name}`, import.meta.url));
  await applyFile(sql, new URL(`shapes/${file}`, import.meta.url));
}

async function applyFile(sql: postgres.Sql, file: URL): Promise<void> {
  await sql.unsafe(await Deno.readTextFile(file)).simple();
}

export type Written = { sql: string; lines: number; notes: string[] };

/** Runs `lapse adapter` with these flags, in this process. */
export async function writeAdapter(flags: Record<string, string>, { revive = false } = {}): Promise<Written> {
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
  const context = { connect: () => assert.fail("it asked a project"), progress: () => {} };
  const { json } = await adapter.run(revive ? [...args, "--revive"] : args, context);
  return json as Written;
}

/** The adapter of this shape, written from a look at the database and applied to it. */
export async function connectShop({ sql, stack }: Project, { flags, revive }: Shape): Promise<Written> {
  const written = await writeAdapter({ "db-url": stack.database.url, ...flags }, { revive });
  await sql.begin((transaction) => transaction.unsafe(written.sql).simple());
  const [row] = await sql`select lapse.adapter_problem() as problem`;
  assert.equal(row!.problem, null);
  return written;
}

function openProject(stack: Stack, sql: postgres.Sql): Project {
  return {
    stack,
    sql,
    stripe: stack.simulator!.control,
    async place(key, { minutesAgo = 60, payment } = {}) {
      const [row] = await sql`
        select public.test_place(
          p_key => ${key}, p_units => 3, p_minutes_ago => ${minutesAgo}, p_payment => ${payment ?? null}) as ref`;
      return row!.ref;
    },
    async run() {
      const response = await fetch(`${stack.apiUrl}/functions/v1/expire-stale-orders`, {
        method: "POST",
        headers: { "content-type": "application/json", apikey: stack.secretKey },
        body: JSON.stringify({ wait: true, releaseBrake: true, reason: "a test" }),
      });
      const answer = await response.json();
      assert.deepEqual([response.status, answer.error ?? null], [200, null], JSON.stringify(answer));
    },
    async states() {
      const rows = await sql<{ key: string; state: string }[]>`select key, state from public.test_orders order by key`;
      return Object.fromEntries(rows.map(({ key, state }) => [key, state]));
    },
    async free() {
      const [row] = await sql<{ free: number }[]>`select free::int from public.test_stock`;
      return row!.free;
    },
  };
}
