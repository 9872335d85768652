import process from "node:process";
import { join } from "node:path/posix";
import { exists, run, serversFolder, serverUser } from "./installation.ts";
import { removeServerFolder, serverPrefix } from "./server-folder.ts";

/**
 * Ends and removes servers whose program was killed before it could stop them. Servers of programs that still run, and
 * folders of other users, are left alone.
 */
export async function removeAbandoned(): Promise<void> {
  for await (const entry of Deno.readDir(serversFolder())) {
    const folder = join(serversFolder(), entry.name);
    if (!entry.isDirectory || !entry.name.startsWith(serverPrefix)) continue;
    if (!await isAbandoned(folder)) continue;
    if (await exists(join(folder, "data", "postmaster.pid"))) {
      // pg_ctl knows whether that process is still the server; a bare kill could hit a process that got the number since.
      const args = ["stop", "-D", join(folder, "data"), "-m", "immediate", "-w", "-s"];
      await run(join(folder, "bin", "pg_ctl"), args, serverUser()).catch((error) => console.warn(String(error)));
    }
    await removeServerFolder(folder).catch((error) => {
      // Another program may be tidying up at the same moment.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
}

/** Whether a folder is this user's, and the program in its `owner.pid` is gone. */
export async function isAbandoned(folder: string): Promise<boolean> {
  try {
    if ((await Deno.lstat(folder)).uid !== Deno.uid()) return false;
    return !isRunning(Number(await Deno.readTextFile(join(folder, "owner.pid"))));
  } catch (error) {
    // No owner yet: its program has just created it. Or gone by now.
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function isRunning(pid: number): boolean {
  try {
    // Signal 0 only asks.
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}
