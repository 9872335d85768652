import { statfsSync } from "node:fs";
import { basename, join } from "node:path/posix";
import { exists, type Installation, run, serversFolder } from "./installation.ts";

export const serverPrefix = "lapse-server-";

const memory = "/dev/shm";
const neededBytes = 2 * 1024 ** 3;

/**
 * Creates the folder of a new server. PostgreSQL finds its libraries and its share folder relative to its binary. With
 * a copy of the binary, a server can have additional extensions without changing the installation; everything else is a
 * link.
 */
export async function createServerFolder(
  { home }: Installation,
  options: { data?: string; installExtensions: (folder: string) => Promise<unknown> },
): Promise<string> {
  const folder = await Deno.makeTempDir({ dir: serversFolder(), prefix: serverPrefix });
  await Deno.chmod(folder, 0o755);
  await Deno.writeTextFile(join(folder, "owner.pid"), String(Deno.pid));
  const state = stateFolder(folder);
  await Deno.mkdir(state, { mode: 0o755 });
  const share = join("share", "postgresql");
  // -a preserves the owner of the data directory, which is another account when this runs as root.
  await run("cp", ["-a", options.data ?? join(home, "data"), join(state, "data")]);
  await run("cp", ["-a", join(home, share, "extension"), state]);
  await options.installExtensions(join(state, "extension"));

  await Deno.mkdir(join(folder, share), { recursive: true });
  await run("cp", ["-R", join(home, "bin"), folder]);
  await Deno.symlink(join(home, "lib"), join(folder, "lib"));
  await Deno.symlink(join(state, "data"), join(folder, "data"));
  for await (const { name } of Deno.readDir(join(home, share))) {
    await Deno.symlink(join(name === "extension" ? state : join(home, share), name), join(folder, share, name));
  }
  return folder;
}

export async function removeServerFolder(folder: string): Promise<void> {
  const state = join(memory, basename(folder));
  if (await exists(state)) await Deno.remove(state, { recursive: true });
  await Deno.remove(folder, { recursive: true });
}

/**
 * The folder for data and extensions. A database has about 300 files, and creating them dominates the cost of a copy:
 * 250 ms on a slow disk, 60 ms in memory. Programs are not stored there, because such file systems may forbid executing
 * them.
 */
function stateFolder(folder: string): string {
  return hasRoomInMemory() ? join(memory, basename(folder)) : join(folder, "state");
}

function hasRoomInMemory(): boolean {
  try {
    const { bavail, bsize } = statfsSync(memory);
    return bavail * bsize > neededBytes;
  } catch {
    // Exists only on Linux.
    return false;
  }
}
