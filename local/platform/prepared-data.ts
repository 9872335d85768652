import { createHash } from "node:crypto";
import { join } from "node:path/posix";
import { fileURLToPath } from "node:url";
import { createDatabase } from "../postgres/databases.ts";
import { exists, prepareInstallation } from "../postgres/installation.ts";
import { startPostgres } from "../postgres/start.ts";
import { applyPlatform } from "./apply.ts";
import { type Preparation, prepareDatabase, sampleShop } from "./prepare.ts";

/** The template database, from which all others are copied. */
export const templateName = "lapse_template";

const root = fileURLToPath(new URL("../..", import.meta.url));
const kept = 6;

/**
 * A data directory with a prepared template database, for servers to start from. Building it takes seconds because of
 * the Supabase CLI, so it is cached beside PostgreSQL's installation, under a hash of every file it depends on.
 */
export async function preparedData(preparation: Preparation): Promise<string> {
  const { home } = await prepareInstallation();
  const shelf = join(home, "prepared");
  const folder = join(shelf, await fingerprint(preparation));
  if (!await exists(folder)) {
    // Test files start side by side and need the same data: one process builds it, and the others wait.
    using building = await Deno.open(join(home, "prepared.lock"), { create: true, write: true });
    await building.lock(true);
    await Deno.mkdir(shelf, { recursive: true });
    await removeOldest(shelf);
    if (!await exists(folder)) await build(preparation, folder);
  }
  const now = new Date();
  await Deno.utime(folder, now, now);
  return folder;
}

async function build(preparation: Preparation, folder: string): Promise<void> {
  const draft = `${folder}.${crypto.randomUUID()}`;
  await using server = await startPostgres();
  await applyPlatform(server.url, { ownerPassword: new URL(server.url).password });
  await prepareDatabase(await createDatabase(server.url, { name: templateName }), preparation);
  await server.saveData(draft);
  await Deno.rename(draft, folder);
}

/** A hash of everything that the prepared data is built from. */
async function fingerprint({ shop = sampleShop, ...rest }: Preparation): Promise<string> {
  const folders = ["local/platform", "local/extensions", "migrations"].map((path) => join(root, path));
  if (shop !== null) folders.push(fileURLToPath(shop));
  const files = (await Promise.all(folders.map(filesBelow))).flat();
  const hash = createHash("sha256").update(JSON.stringify([shop?.href ?? null, rest]));
  // These two files determine how the CLI applies migrations.
  for (const file of [...files, join(root, "supabase", "config.toml"), join(root, "package-lock.json")]) {
    hash.update(`\0${file}\0`).update(await Deno.readFile(file));
  }
  return hash.digest("hex").slice(0, 32);
}

async function filesBelow(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    files.push(...isDirectory ? await filesBelow(path) : [path]);
  }
  return files.sort();
}

/**
 * Keeps the folders used in the last hour. If a folder is removed while a process copies it, that process builds it
 * again.
 */
async function removeOldest(shelf: string): Promise<void> {
  const entries: { path: string; used: number }[] = [];
  for await (const { name } of Deno.readDir(shelf)) {
    const path = join(shelf, name);
    entries.push({ path, used: (await Deno.stat(path)).mtime?.getTime() ?? 0 });
  }
  entries.sort((a, b) => b.used - a.used);
  const hourAgo = Date.now() - 3_600_000;
  for (const { path } of entries.slice(kept - 1).filter(({ used }) => used < hourAgo)) {
    await Deno.remove(path, { recursive: true });
  }
}
