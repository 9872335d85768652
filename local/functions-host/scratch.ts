import { dirname, join } from "node:path/posix";
import { isAbandoned } from "../postgres/abandoned.ts";

const prefix = "lapse-functions-";

/** Creates a folder for a host's entry modules, and removes those of hosts that were killed. */
export async function makeScratchFolder(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix });
  await Deno.writeTextFile(join(folder, "owner.pid"), String(Deno.pid));
  for await (const { name, isDirectory } of Deno.readDir(dirname(folder))) {
    const other = join(dirname(folder), name);
    if (isDirectory && name.startsWith(prefix) && await isAbandoned(other)) await removeScratchFolder(other);
  }
  return folder;
}

export async function removeScratchFolder(folder: string): Promise<void> {
  await Deno.remove(folder, { recursive: true }).catch((error) => {
    // Another program may be removing it at the same moment.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}
