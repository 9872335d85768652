import { findStandIns } from "../../local/extensions/install.ts";
import { applyPlatform } from "../../local/platform/apply.ts";
import { prepareDatabase } from "../../local/platform/prepare.ts";
import { type Database, withConnection } from "../../local/postgres/databases.ts";
import { filesBelow } from "../support/runner/files.ts";
import type { Tally } from "../support/runner/tally.ts";
import { command } from "../support/command.ts";
import { supabase } from "../support/supabase-cli.ts";
import { countTap } from "./tap.ts";

/**
 * Makes an empty database of Debian's server a migrated one with the real pg_cron, and adds what the checks need: pgTAP, and the
 * extension that `supabase db lint` stands on.
 */
export async function migrateForTests(database: Database): Promise<void> {
  await applyPlatform(database.adminUrl, { ownerPassword: new URL(database.adminUrl).password });
  await withConnection(database.adminUrl, (sql) => sql`alter database ${sql(database.name)} owner to postgres`);
  await prepareDatabase(database);
  await withConnection(database.adminUrl, async (sql) => {
    const standIns = await findStandIns(sql);
    if (standIns.includes("pg_cron")) throw new Error("Cannot test the real pg_cron: the database has the stand-in");
    await sql`create extension pgtap with schema extensions`;
    await sql`create extension plpgsql_check with schema extensions`;
  });
}

/** `tests/database/` under pg_prove, as the role `postgres`, which owns what the migrations create. */
export async function runPgTap(database: Database): Promise<Tally> {
  const files = await filesBelow("tests/database", ".test.sql");
  const { code, output } = await command("pg_prove", ["--verbose", "--norc", "--dbname", database.url, ...files], {
    limitMinutes: 5,
  });
  // The lines of tests that passed are many and say nothing new.
  console.log(output.split("\n").filter((line) => !/^(ok |\d+\.\.\d+$)/.test(line)).join("\n"));
  return countTap(output, { code, files: files.length });
}

/** plpgsql_check over every function, through the Supabase CLI. */
export function lint(database: Database): Promise<Tally> {
  return cliCheck(["db", "lint", "--level", "warning", "--fail-on", "error"], database);
}

/** Splinter's rules, as far as the CLI brings them; they go by the exposed schemas in `pgrst.db_schemas`. */
export function advise(database: Database): Promise<Tally> {
  return cliCheck(["db", "advisors", "--level", "warn", "--fail-on", "error"], database);
}

/**
 * Lint and advisors once more on a database with a broken function and an open table: both must complain. Either tool is silent, and
 * content, if it cannot see what it should look at.
 */
export async function proveSight(database: Database): Promise<Tally> {
  await withConnection(database.url, (sql) =>
    sql.unsafe(`
      create function lapse.ci_broken() returns void language plpgsql as $$ begin perform nothing_of_this_name; end $$;
      create table public.ci_open (id integer primary key);
      grant select on public.ci_open to anon;`).simple());
  try {
    const blind = [];
    if ((await supabase(["db", "lint", "--fail-on", "error"], { database: database.url })).code === 0) {
      blind.push("db lint");
    }
    if ((await supabase(["db", "advisors", "--fail-on", "error"], { database: database.url })).code === 0) {
      blind.push("db advisors");
    }
    return {
      passed: 2 - blind.length,
      failed: blind.length,
      skipped: 0,
      notes: blind.map((tool) => `${tool} sees no fault in a faulty database`),
    };
  } finally {
    await withConnection(
      database.url,
      (sql) => sql.unsafe(`drop function lapse.ci_broken(); drop table public.ci_open;`).simple(),
    );
  }
}

async function cliCheck(args: string[], database: Database): Promise<Tally> {
  const { code, output } = await supabase(args, { database: database.url });
  console.log(output.trim());
  if (code === 0) return { passed: 1, failed: 0, skipped: 0, notes: [] };
  return { passed: 0, failed: 1, skipped: 0, notes: [`supabase ${args.join(" ")} ended with exit code ${code}`] };
}
