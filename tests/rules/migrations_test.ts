import assert from "node:assert/strict";
import { filesBelow } from "../support/runner/files.ts";
import { readText } from "./project-files.ts";
import {
  declarations,
  findForeignNames,
  findGrants,
  findKeyLocks,
  findNeedlessDefiners,
  findOpenSearchPaths,
  findUnconditional,
} from "./sql-rules.ts";

const paths = await filesBelow("migrations", ".sql");
const migrations = await read(paths);
const examples = await read(await filesBelow("examples", ".sql"));

Deno.test("migrations are named by a unique time and a snake_case purpose", () => {
  assert.ok(paths.length > 0);
  assert.deepEqual(paths.filter((path) => !/^migrations\/\d{14}_[a-z0-9_]+\.sql$/.test(path)), []);
  assert.equal(new Set(paths.map((path) => path.slice(0, "migrations/".length + 14))).size, paths.length);
});

Deno.test("each table, view, type and function is defined once", () => {
  const all = migrations.flatMap(({ path, sql }) => declarations(sql).map((name) => ({ path, name })));
  const twice = all.filter(({ name }, index) => all.findIndex((other) => other.name === name) !== index);
  assert.ok(all.length > 0);
  assert.deepEqual(twice, []);
});

Deno.test("every function has pg_catalog, pg_temp as its search path", () => {
  assert.deepEqual(found(migrations, findOpenSearchPaths), []);
});

Deno.test("only RPCs and triggers run with their owner's rights", () => {
  assert.deepEqual(found(migrations, findNeedlessDefiners), []);
});

Deno.test("no row is locked for update where for no key update does", () => {
  assert.deepEqual(found([...migrations, ...examples], findKeyLocks), []);
});

Deno.test("no update or delete is without a condition, which the platform's REST API refuses", () => {
  assert.deepEqual(found([...migrations, ...examples], findUnconditional), []);
});

Deno.test("migrations name nothing of a shop", () => {
  assert.deepEqual(found(migrations, findForeignNames), []);
});

Deno.test("functions read and call nothing of a shop", async () => {
  const sources = await read(await filesBelow("functions", ".ts"));
  const foreign = (text: string) => text.match(/\.(from|rpc)\(\s*["'`](?!lapse_)[^"'`]*/g) ?? [];
  assert.deepEqual(found(sources, foreign), []);
});

Deno.test("all grants are in one migration", () => {
  const elsewhere = migrations.filter(({ path }) => !path.endsWith("_grants.sql"));
  assert.deepEqual(found(elsewhere, findGrants), []);
});

Deno.test("a declaration is identified by kind, name and argument types", () => {
  const sql = `
    create table if not exists lapse.a (id int);
    create or replace function lapse.f(p_a text, p_b numeric(10, 2) default 1) returns void language sql as $$ create table x (); $$;
    create function lapse.f(p_other text) returns void language sql as $$ $$;
    -- create table lapse.b ();
    create view public.v with (security_invoker = true) as select 1;`;
  const all = ["table lapse.a", "function lapse.f(text, numeric(10, 2))", "function lapse.f(text)", "view public.v"];
  assert.deepEqual(declarations(sql), all);
});

Deno.test("the search-path rule sees a function without one, with another one, and one that only a comment sets", () => {
  const path = "set search_path = pg_catalog, pg_temp";
  const sql = `
    create function lapse.a() returns void language sql as $$ select 1; $$;
    create or replace function lapse.b() returns void set search_path = public as $$ $$;
    create function lapse.c() returns void /* ${path} */ as $$ ${path} $$;
    create function lapse.ok() returns void ${path} as $body$ select ';' $body$;
    CREATE FUNCTION lapse.ok_too() RETURNS void SET search_path TO pg_catalog, pg_temp AS 'select 1';`;
  assert.deepEqual(findOpenSearchPaths(sql), ["lapse.a", "lapse.b", "lapse.c"]);
});

Deno.test("the definer rule sees a function that is neither an RPC nor a trigger", () => {
  const sql = `
    create function lapse.inner() returns void language sql security definer as $$ $$;
    create function public.lapse_rpc() returns void language sql security definer as $$ $$;
    create function lapse.tg_watch() returns trigger language plpgsql security definer as $$ $$;
    create function lapse.invoker() returns void language sql as $$ select 'security definer' $$;`;
  assert.deepEqual(findNeedlessDefiners(sql), ["lapse.inner"]);
});

Deno.test("the lock rule sees for update in a body, and not in a comment, a trigger or its weaker kind", () => {
  const body = (lock: string) =>
    `create function lapse.f() returns void language sql as $$ select 1 from x ${lock} $$;`;
  assert.equal(findKeyLocks(body("for update skip locked")).length, 1);
  assert.equal(findKeyLocks(body("FOR  UPDATE of o")).length, 1);
  for (const lock of ["for no key update", "-- for update\n", "where note = 'for update'"]) {
    assert.deepEqual(findKeyLocks(body(lock)), []);
  }
  assert.deepEqual(
    findKeyLocks("create trigger t before update of status on a for each row execute function f();"),
    [],
  );
});

Deno.test("the condition rule sees an update or delete of everything, also inside a function or a query", () => {
  const body = (text: string) => `create function lapse.f() returns void language plpgsql as $$ begin ${text} end; $$;`;
  for (
    const text of [
      "update lapse.settings set only_row = true;",
      "delete from lapse.inbox;",
      "with gone as (delete from lapse.inbox i returning *) select 1 from gone where true;",
      "update lapse.orders o set reason = (select 1 where true);",
    ]
  ) assert.equal(findUnconditional(body(text)).length, 1, text);
  for (
    const text of [
      "update lapse.settings s set only_row = true where s.only_row;",
      "delete from lapse.inbox where id = any(v_ids);",
      "with gone as (delete from lapse.inbox i using x where x.id = i.id returning *) select 1 from gone;",
      "insert into lapse.pace_shares as p values (1) on conflict (caller) do update set until = excluded.until;",
      "perform 1 from lapse.orders o for no key update of o skip locked;",
    ]
  ) assert.deepEqual(findUnconditional(body(text)), [], text);
});

Deno.test("the rule about shops sees any name in public but Lapse's own", () => {
  const sql =
    "create view public.lapse_runs as select * from lapse.runs; select public.place_order() from public.orders;";
  assert.deepEqual(findForeignNames(sql), ["public.place_order", "public.orders"]);
});

type File = { path: string; sql: string };

async function read(paths: string[]): Promise<File[]> {
  return await Promise.all(paths.map(async (path) => ({ path, sql: await readText(path) })));
}

function found(files: File[], find: (text: string) => string[]): string[] {
  return files.flatMap(({ path, sql }) => find(sql).map((it) => `${path}: ${it}`));
}
