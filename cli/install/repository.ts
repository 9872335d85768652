import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { UsageError } from "../errors.ts";
import { CONFIG_NAMES, functionsIn } from "./config-file.ts";
import { hashOf, LOCK, type Lock, readLock } from "./lock.ts";
import { type Files, readFiles } from "./release.ts";

/** `version` is the number that the CLI identifies it by, `name` the rest of the file name. */
export type Migration = { file: string; version: string; name: string; text: string };

/** The contents of a shop's repository below `supabase/`. */
export type Repository = {
  root: string;
  config: { name: string; text: string; functions: string[] };
  /** In the order in which the CLI applies them. */
  migrations: Migration[];
  lock: Lock | null;
  /** The files of a function; none if its folder does not exist. */
  filesOf(slug: string): Files;
};

/** @throws UsageError if neither the folder nor one above it is a Supabase project. */
export function openRepository(start: string): Repository {
  const root = findRoot(resolve(start));
  const at = (...path: string[]) => join(root, "supabase", ...path);
  const name = CONFIG_NAMES.find((it) => existsSync(at(it)))!;
  const text = readFileSync(at(name), "utf8");
  return {
    root,
    config: { name, text, functions: functionsIn(name, text) },
    migrations: readMigrations(at("migrations")),
    lock: existsSync(at(LOCK)) ? readLock(readFileSync(at(LOCK), "utf8")) : null,
    filesOf: (slug) => readFiles(at("functions", slug)),
  };
}

function findRoot(start: string): string {
  for (let folder = start;; folder = dirname(folder)) {
    if (CONFIG_NAMES.some((name) => existsSync(join(folder, "supabase", name)))) return folder;
    if (dirname(folder) === folder) {
      throw new UsageError(
        `Cannot find a Supabase project: neither ${start} nor a folder above it has supabase/config.toml. ` +
          "Run npx supabase init first, or give --project",
      );
    }
  }
}

/** The CLI ignores files with other names and files in subfolders. */
function readMigrations(folder: string): Migration[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).sort().flatMap((file) => {
    const [, version, name] = file.match(/^([0-9]+)_(.*)\.sql$/) ?? [];
    if (version === undefined || name === undefined) return [];
    return [{ file, version, name, text: readFileSync(join(folder, file), "utf8") }];
  });
}

/** Finds the file of a migration in the lock, even if its number or name was changed. */
export function findMigration({ migrations }: Repository, entry: Lock["migrations"][number]): Migration | undefined {
  const same = migrations.filter(({ text }) => hashOf(text) === entry.sha256);
  return same.findLast(({ name }) => name === entry.name) ?? same.at(-1);
}

/** The migration that creates this schema; undefined if none does. */
export function creatorOf({ migrations }: Repository, schema: string): Migration | undefined {
  const create = new RegExp(`\\bcreate\\s+schema\\s+(if\\s+not\\s+exists\\s+)?"?${schema}"?[\\s;]`, "i");
  const drop = new RegExp(`\\bdrop\\s+schema\\s+[^;]*?\\b${schema}\\b`, "i");
  let creator: Migration | undefined;
  for (const migration of migrations) {
    const text = withoutComments(migration.text);
    if (create.test(text)) creator = migration;
    else if (drop.test(text)) creator = undefined;
  }
  return creator;
}

/** The shop's adapter after all migrations. `contract`: the version it was written for, null if it cannot be read. */
export function adapterOf({ migrations }: Repository): { contract: number | null } | null {
  const definition = /\bfunction\s+"?lapse_shop"?\."?contract_version"?\s*\(\s*\)([\s\S]{0,300})/gi;
  let found: { contract: number | null } | null = null;
  for (const migration of migrations) {
    const text = withoutComments(migration.text);
    const body = [...text.matchAll(definition)].at(-1)?.[1];
    const said = body?.match(/\b(?:return|select)\s+(\d+)/i)?.[1];
    if (body !== undefined) found = { contract: said === undefined ? null : Number(said) };
    else if (/\bdrop\s+schema\s+[^;]*?\blapse_shop\b/i.test(text)) found = null;
  }
  return found;
}

function withoutComments(sql: string): string {
  return sql.replaceAll(/^\s*--.*$/gm, "");
}
