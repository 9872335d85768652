import { createHash } from "node:crypto";
import { join } from "node:path/posix";
import { fileURLToPath } from "node:url";
import { createDatabase } from "../postgres/databases.ts";
import { exists, prepareInstallation } from "../postgres/installation.ts";
import { startPostgres } from "../postgres/start.ts";
import { applyPlatform } from "./apply.ts";
import { type Preparation, prepareDatabase, sampleShop } from "./prepare.ts";

/** The database in the prepared data that all others are copied from. */
export const templateName = "lapse_template";

const root = fileURLToPath(new URL("../..", import.meta.url));
const kept = 6;

/**
 * A data directory whose template database is prepared, for servers to start from. The Supabase CLI takes seconds, so the result is kept
 * beside PostgreSQL's own installation and found again by the contents of every file it depends on. Two programs may make the same one at
 * once: each works in a folder of its own, and the first rename wins.
 */
export async function preparedData(preparation: Preparation): Promise<string> {
  const { home } = await prepareInstallation();
  const shelf = join(home, "prepared");
  const folder = join(shelf, await fingerprint(preparation));
  if (!await exists(folder)) {
    await Deno.mkdir(shelf, { recursive: true });
    await removeOldest(shelf);
    await build(preparation, folder);
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
  await Deno.rename(draft, folder).catch(async (error) => {
    await Deno.remove(draft, { recursive: true });
    if (!await exists(folder)) throw error;
  });
}

/** Says the same only if nothing has changed that the prepared data is made from. */
async function fingerprint({ shop = sampleShop, ...rest }: Preparation): Promise<string> {
  const folders = ["local/platform", "local/extensions", "migrations"].map((path) => join(root, path));
  if (shop !== null) folders.push(fileURLToPath(shop));
  const files = (await Promise.all(folders.map(filesBelow))).flat();
  const hash = createHash("sha256").update(JSON.stringify([shop?.href ?? null, rest]));
  // The last two decide how the CLI applies migrations.
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

/** Keeps those used in the last hour. If one is removed while a process copies it, that process prepares it again. */
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
