import { join } from "node:path";
import { root } from "../support/runner/program.ts";

/** The committed files, as paths below the root; symbolic links are left out. */
export async function committedFiles(): Promise<string[]> {
  const { success, stdout, stderr } = await new Deno.Command("git", { args: ["ls-files", "-s", "-z"], cwd: root })
    .output();
  if (!success) throw new Error(`Cannot list the committed files: ${new TextDecoder().decode(stderr)}`);
  const entries = new TextDecoder().decode(stdout).split("\0").filter((entry) => entry !== "");
  return entries.filter((entry) => !entry.startsWith("120000")).map((entry) => entry.slice(entry.indexOf("\t") + 1));
}

export function readText(path: string): Promise<string> {
  return Deno.readTextFile(join(root, path));
}
