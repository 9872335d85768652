import assert from "node:assert/strict";
import type postgres from "postgres";
import { filesBelow } from "../support/runner/files.ts";
import { readText } from "../rules/project-files.ts";
import { type Shop, withShop } from "../integration/support.ts";
import { type AccessRow, CALLERS, parseAccessTable } from "./access-table.ts";
import {
  type Attempt,
  findFunctions,
  findViews,
  tryCall,
  tryDelete,
  tryEndpoint,
  tryInsert,
  tryRead,
  tryUpdate,
} from "./attempts.ts";
import { openClients } from "./callers.ts";

const table = parseAccessTable(await readText("docs/API_ROUTES.md"));
const named = (kind: AccessRow["subject"]["kind"]) =>
  table.map(({ subject }) => subject).filter((subject) => subject.kind === kind).map(({ name }) => name).sort();

Deno.test("every reachable view, function and endpoint is in the access table of docs/API_ROUTES.md once", async () => {
  await withShop({}, async ({ sql }) => {
    assert.deepEqual(named("view"), (await findViews(sql)).map(({ name }) => name));
    assert.deepEqual(named("function"), (await findFunctions(sql)).map(({ name }) => name));
  });
  const endpoints = (await filesBelow("functions", "/index.ts")).map((path) => path.split("/")[1]!);
  assert.deepEqual(named("endpoint"), endpoints.sort());
});

Deno.test("each caller may do what the access table allows; everything else is refused and changes nothing", async () => {
  await withShop({ users: true, unchecked: true }, async (shop) => {
    await fillEveryView(shop);
    const clients = await openClients(shop.stack);
    const views = await findViews(shop.sql);
    const functions = await findFunctions(shop.sql);
    const wrong: string[] = [];
    for (const caller of CALLERS) {
      const client = clients[caller];
      const before = await everything(shop);
      let mayChange = false;
      for (const { subject, allowed } of table) {
        const words = allowed[caller];
        const note = (what: string, attempt: Attempt, expected: boolean) => {
          if (attempt.refused === expected) wrong.push(`${subject.name}: ${caller} ${what}, answered ${attempt.said}`);
        };
        if (subject.kind === "view") {
          const view = views.find(({ name }) => name === subject.name)!;
          const read = await tryRead(client, view.name);
          note("read", read, words.includes("read") || words.includes("no rows"));
          if (!read.refused && (read.rows > 0) !== words.includes("read")) {
            wrong.push(`${view.name}: ${caller} reads ${read.rows} rows`);
          }
          note("insert", await tryInsert(client, view), false);
          note("update", await tryUpdate(client, view), false);
          note("delete", await tryDelete(client, view), false);
          continue;
        }
        const attempt = subject.kind === "function"
          ? await tryCall(client, subject.name, functions.find(({ name }) => name === subject.name)!.args)
          : await tryEndpoint(client, subject.method, subject.name);
        note("call", attempt, words.includes("call"));
        mayChange ||= words.includes("call") && subject.name !== "lapse-health";
      }
      if (!mayChange) assert.equal(await everything(shop), before, `${caller} changed something`);
    }
    assert.deepEqual(wrong, []);
  });
});

const FILTERS = ["true", "ref like '%x%'", "status <> 'paid'", "job = 'x' or true"];

Deno.test("a customer's query is refused before the database reads a table, whatever it filters or counts", async () => {
  await withShop({ unchecked: true }, async (shop) => {
    await fillEveryView(shop);
    const customer = { role: "authenticated", sub: crypto.randomUUID(), app_metadata: {} };
    const viewer = { ...customer, app_metadata: { lapse_role: "viewer" } };
    for (const { name } of await findViews(shop.sql)) {
      for (const filter of FILTERS) {
        const columns = await columnsOf(shop.sql, name);
        const asked = /^\w+/.exec(filter)![0];
        if (asked !== "true" && !columns.includes(asked)) continue;
        for (const what of ["*", "count(*)"]) {
          const query = `select ${what} from public.${name} where ${filter}`;
          assert.equal(await scansOf(shop.sql, query, customer), 0, query);
          assert.notEqual(await scansOf(shop.sql, query, viewer), 0, `nobody reads: ${query}`);
        }
      }
    }
  });
});

/** How often the query began to read a table or an index, as a user with these claims. */
async function scansOf(sql: postgres.Sql, query: string, claims: { role: string }): Promise<number> {
  const session = await sql.reserve();
  try {
    await session.unsafe("begin").simple();
    await session`select set_config('request.jwt.claims', ${JSON.stringify(claims)}, true)`;
    await session.unsafe(`set local role ${claims.role}`).simple();
    const [row] = await session.unsafe(`explain (analyze, format json) ${query}`);
    return countScans(row!["QUERY PLAN"][0].Plan);
  } finally {
    await session.unsafe("rollback").simple();
    session.release();
  }
}

type PlanNode = { "Node Type": string; "Actual Loops": number; Plans?: PlanNode[] };

function countScans(node: PlanNode): number {
  const own = /Scan$/.test(node["Node Type"]) ? node["Actual Loops"] : 0;
  return own + (node.Plans ?? []).reduce((sum, it) => sum + countScans(it), 0);
}

async function columnsOf(sql: postgres.Sql, view: string): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select attname::text as name from pg_attribute where attrelid = ${`public.${view}`}::regclass and attnum > 0`;
  return rows.map(({ name }) => name);
}

/** An empty view would let everybody read it. */
async function fillEveryView({ sql, run, placeOrder, addIntent }: Shop): Promise<void> {
  await addIntent(await placeOrder());
  await run();
  await sql`select lapse.raise_alert('late_payment:test', null, 'critical', 'test', '{}', now())`;
  await sql`
    insert into lapse.refunds (stripe_id, ref, reason, next_attempt_at, created_at) values ('pi_test', 'test', 'paid_twice', now(), now())`;
  for (const { name } of await findViews(sql)) {
    const [row] = await sql<{ n: number }[]>`select count(*)::int as n from public.${sql(name)}`;
    assert.ok(row!.n > 0, `${name} has no row to read`);
  }
}

/** A digest of every table of Lapse and of the shop. */
async function everything({ sql }: Shop): Promise<string> {
  const tables = await sql<{ name: string }[]>`
    select c.oid::regclass::text as name from pg_class c
    where c.relnamespace in ('lapse'::regnamespace, 'public'::regnamespace) and c.relkind in ('r', 'p') order by 1`;
  const rows = await Promise.all(tables.map(async ({ name }) => {
    const [row] = await sql.unsafe(`select md5(string_agg(t::text, ',' order by t::text)) as digest from ${name} t`);
    return `${name} ${row!.digest}`;
  }));
  return rows.join("\n");
}
