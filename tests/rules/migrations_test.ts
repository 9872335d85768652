import assert from "node:assert/strict";
import { filesBelow } from "../support/runner/files.ts";
import { readText } from "./project-files.ts";
import { splitStatements } from "./sql-statements.ts";

const paths = await filesBelow("migrations", ".sql");
const migrations = await Promise.all(paths.map(async (path) => ({ path, sql: await readText(path) })));

Deno.test("migrations are named by a time of their own and a snake_case purpose", () => {
  assert.ok(paths.length > 0);
  assert.deepEqual(paths.filter((path) => !/^migrations\/\d{14}_[a-z0-9_]+\.sql$/.test(path)), []);
  assert.equal(new Set(paths.map((path) => path.slice(0, "migrations/".length + 14))).size, paths.length);
});

Deno.test("every function with its owner's rights pins its search path", () => {
  assert.deepEqual(migrations.flatMap(({ path, sql }) => findOpenSearchPaths(sql).map((it) => `${path}: ${it}`)), []);
});

Deno.test("every table gets row-level security in the migration that creates it", () => {
  assert.deepEqual(migrations.flatMap(({ path, sql }) => findOpenTables(sql).map((it) => `${path}: ${it}`)), []);
});

Deno.test("the search-path rule sees a definer without one, with another one, and one that only a comment sets", () => {
  const sql = `
    create function a() returns void language sql security definer as $$ select 1; $$;
    create or replace function b() returns void security definer set search_path = public as $$ $$;
    create function c() returns void security definer /* set search_path = '' */ as $$ set search_path = '' $$;
    create function ok() returns void security definer set search_path = '' as $body$ select ';' $body$;
    CREATE FUNCTION ok_too() RETURNS void SECURITY DEFINER SET search_path TO '' AS 'select 1';
    create function invoker() returns void language sql as $$ select 'security definer' $$;`;
  assert.deepEqual(findOpenSearchPaths(sql), [
    "create function a()",
    "create or replace function b()",
    "create function c()",
  ]);
});

Deno.test("the table rule sees a table without row-level security, however it is created", () => {
  const sql = `
    create table public.a (id int);
    create unlogged table if not exists jobs.b (id int);
    create table public.ok (id int, note text default 'alter table public.a enable row level security');
    alter table public.ok enable row level security;
    -- alter table public.a enable row level security;
    create temporary table scratch (id int);`;
  assert.deepEqual(findOpenTables(sql), ["public.a", "jobs.b"]);
});

function findOpenSearchPaths(sql: string): string[] {
  const definers = splitStatements(sql).filter((text) => /^create .*\bsecurity definer\b/.test(text));
  return definers.filter((text) => !/\bset search_path (=|to) ''/.test(text))
    .map((text) => text.slice(0, text.indexOf(")") + 1));
}

function findOpenTables(sql: string): string[] {
  const statements = splitStatements(sql);
  const created = statements.map((text) => text.match(/^create (?:unlogged )?table (?:if not exists )?([\w."]+)/)?.[1]);
  return created.filter((name) => name !== undefined)
    .filter((name) => !statements.includes(`alter table ${name} enable row level security`));
}
