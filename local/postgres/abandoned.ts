import process from "node:process";
import { join } from "node:path/posix";
import { exists, run, serversFolder, serverUser } from "./installation.ts";
import { removeServerFolder, serverPrefix } from "./server-folder.ts";

/**
 * Stops and removes servers whose program was killed before it could stop them. Servers of running programs and folders
 * of other users are left alone.
 */
export async function removeAbandoned(): Promise<void> {
  for await (const entry of Deno.readDir(serversFolder())) {
    const folder = join(serversFolder(), entry.name);
    if (!entry.isDirectory || !entry.name.startsWith(serverPrefix)) continue;
    if (!await isAbandoned(folder)) continue;
    if (await exists(join(folder, "data", "postmaster.pid"))) {
      // pg_ctl checks whether the process is still that server. A plain kill could hit another process that has the
      // same id now.
      const args = ["stop", "-D", join(folder, "data"), "-m", "immediate", "-w", "-s"];
      await run(join(folder, "bin", "pg_ctl"), args, serverUser()).catch((error) => console.warn(String(error)));
    }
    await removeServerFolder(folder).catch((error) => {
      // Another program may be removing it at the same moment.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
}

/** Whether the folder belongs to this user, and the program in its `owner.pid` has ended. */
export async function isAbandoned(folder: string): Promise<boolean> {
  try {
    if ((await Deno.lstat(folder)).uid !== Deno.uid()) return false;
    return !isRunning(Number(await Deno.readTextFile(join(folder, "owner.pid"))));
  } catch (error) {
    // There is no owner yet, because the program has just created the folder; or the folder was removed.
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function isRunning(pid: number): boolean {
  try {
    // Signal 0 only checks whether the process exists.
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}
