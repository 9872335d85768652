import { join } from "node:path";
import { root } from "../support/runner/program.ts";

/** The committed files, as paths below the root. Symbolic links are left out, and what was removed and is not yet committed. */
export async function committedFiles(): Promise<string[]> {
  const entries = (await list("-s")).filter((entry) => !entry.startsWith("120000"));
  const removed = new Set(await list("--deleted"));
  return entries.map((entry) => entry.slice(entry.indexOf("\t") + 1)).filter((path) => !removed.has(path));
}

async function list(...options: string[]): Promise<string[]> {
  const args = ["ls-files", "-z", ...options];
  const { success, stdout, stderr } = await new Deno.Command("git", { args, cwd: root }).output();
  if (!success) throw new Error(`Cannot list the committed files: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout).split("\0").filter((entry) => entry !== "");
}

export function readText(path: string): Promise<string> {
  return Deno.readTextFile(join(root, path));
}
