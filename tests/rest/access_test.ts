import assert from "node:assert/strict";
import { filesBelow } from "../support/runner/files.ts";
import { readText } from "../rules/project-files.ts";
import { type Shop, withShop } from "../integration/support.ts";
import { type AccessRow, type Caller, CALLERS, parseAccessTable, type Word } from "./access-table.ts";
import {
  type Attempt,
  findFunctions,
  findTables,
  tryCall,
  tryDelete,
  tryEndpoint,
  tryInsert,
  tryRead,
  tryUpdate,
} from "./attempts.ts";
import { type Client, openClients } from "./callers.ts";

const table = parseAccessTable(await readText("docs/API_ROUTES.md"));
const named = (kind: AccessRow["subject"]["kind"]) =>
  table.map(({ subject }) => subject).filter((subject) => subject.kind === kind).map(({ name }) => name).sort();

Deno.test("every table, function and endpoint that can be reached stands in the table of docs/API_ROUTES.md, once", async () => {
  await withShop({}, async ({ sql }) => {
    assert.deepEqual(named("table"), (await findTables(sql)).map(({ name }) => name));
    assert.deepEqual(named("function"), (await findFunctions(sql)).map(({ name }) => name));
  });
  const endpoints = (await filesBelow("functions", "/index.ts")).map((path) => path.split("/")[1]!);
  assert.deepEqual(named("endpoint"), endpoints.sort());
});

Deno.test("each caller may do what the table says, and everything else is refused and changes nothing", async () => {
  await withShop({ users: true }, async (shop) => {
    await fillEveryTable(shop);
    const clients = await openClients(shop.stack);
    const tables = await findTables(shop.sql);
    const functions = await findFunctions(shop.sql);
    const wrong: string[] = [];
    for (const caller of CALLERS) {
      const before = await everything(shop);
      let mayChange = false;
      for (const { subject, allowed } of table) {
        const note = (word: string, attempt: Attempt, expected: boolean) => {
          if (attempt.refused === expected) wrong.push(`${subject.name}: ${caller} ${word}, answered ${attempt.said}`);
        };
        const words = allowed[caller];
        if (subject.kind === "table") {
          const { column } = tables.find(({ name }) => name === subject.name)!;
          await tryTable(clients[caller], { name: subject.name, column, words, note, wrong, caller });
        } else if (subject.kind === "function") {
          const { args } = functions.find(({ name }) => name === subject.name)!;
          note("call", await tryCall(clients[caller], subject.name, args), words.includes("call"));
        } else {
          note("call", await tryEndpoint(clients[caller], subject.method, subject.name), words.includes("call"));
        }
        mayChange ||= subject.name !== "jobs-health" && words.some((it) => it !== "read" && it !== "no rows");
      }
      if (!mayChange) assert.equal(await everything(shop), before, `${caller} changed something`);
    }
    assert.deepEqual(wrong, []);
  });
});

type TableAttempts = {
  name: string;
  column: string;
  words: Word[];
  caller: Caller;
  note: (word: string, attempt: Attempt, expected: boolean) => void;
  wrong: string[];
};

async function tryTable(client: Client, { name, column, words, caller, note, wrong }: TableAttempts): Promise<void> {
  const read = await tryRead(client, name);
  note("read", read, words.includes("read") || words.includes("no rows"));
  if (!read.refused && (read.rows > 0) !== words.includes("read")) {
    wrong.push(`${name}: ${caller} reads ${read.rows} rows`);
  }
  note("insert", await tryInsert(client, name, column), words.includes("insert"));
  note("update", await tryUpdate(client, name, column), words.includes("update"));
  note("delete", await tryDelete(client, name, column), words.includes("delete"));
}

/** An empty table would let everybody read it. */
async function fillEveryTable({ sql, run, placeOrder, addIntent }: Shop): Promise<void> {
  await addIntent(await placeOrder());
  await run();
  await sql`select jobs.raise_alert('late_payment:test', null, 'critical', 'test', '{}', now())`;
  await sql`insert into public.job_sweeps (livemode, created_from, created_to, reached, started_at, continued_at)
    values (false, now() - interval '1 day', now(), now(), now(), now())`;
  for (const { name } of await findTables(sql)) {
    const [row] = await sql<{ n: number }[]>`select count(*)::int as n from public.${sql(name)}`;
    assert.ok(row!.n > 0, `${name} has no row to read`);
  }
}

async function everything({ sql }: Shop): Promise<string> {
  const rows = await Promise.all((await findTables(sql)).map(async ({ name }) => {
    const [row] = await sql`select md5(string_agg(t::text, ',' order by t::text)) as digest from public.${sql(name)} t`;
    return `${name} ${row!.digest}`;
  }));
  return rows.join("\n");
}
