import { join } from "node:path";
import { StaleFaultError } from "./fault.ts";
import type { Suite } from "./judge.ts";
import type { Workspace } from "./workspace.ts";

/** One fault should not need longer; a program that hangs because of it has shown it. */
const LIMIT_MS = 120_000;

/** Tests under Deno, each path in a process of its own, in a copy of the working tree. */
export function denoTests(workspace: Workspace): Suite {
  return {
    knows: (path) => !path.startsWith("database/"),
    run: (path, fault) => {
      const run = () => firstFailure(workspace.folder, join("tests", path));
      return fault === null ? run() : workspace.with(fault, run);
    },
  };
}

async function firstFailure(folder: string, path: string): Promise<string | null> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--quiet", "--no-check", "--no-lock", "--fail-fast", "--unstable-no-legacy-abort", path],
    cwd: folder,
    env: { NO_COLOR: "1", LAPSE_PROOF_SHRINK: "no" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    detached: true,
  }).spawn();
  let hung = false;
  const limit = setTimeout(() => {
    hung = true;
    Deno.kill(-child.pid, "SIGKILL");
  }, LIMIT_MS);
  const { success, stdout, stderr } = await child.output();
  clearTimeout(limit);
  if (success) return null;
  const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  if (/could not be parsed|(?:Reference|Syntax)Error: /.test(output)) {
    throw new StaleFaultError(`No code: ${output.match(/.*(?:could not be parsed|Error: ).*/)?.[0].trim()}`);
  }
  const named = output.match(/^(.*?) => \.\/tests\//m)?.[1] ?? output.match(/^(.*?) \.\.\. FAILED/m)?.[1];
  if (hung) return "hung";
  return named ?? output.match(/^error: .*$/m)?.[0] ?? "the tests did not run to their end";
}
