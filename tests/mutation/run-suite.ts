import { exists } from "../../local/postgres/installation.ts";
import { join } from "node:path";
import type { PgTap } from "./pgtap.ts";
import type { Suite } from "./suites.ts";

/** `failed`: the first test that failed, or what else went wrong; null when all passed. */
export type Verdict = { failed: string | null };

/** One fault should not need longer; a program that hangs because of it has shown it. */
const LIMIT_MS = 180_000;

/** Runs a suite in a copy of the working tree, up to its first failing test. */
export async function runSuite(folder: string, suite: Suite, pgtap: PgTap | null): Promise<Verdict> {
  if (suite.kind === "pgtap") {
    if (pgtap === null) throw new Error("Cannot run pgTAP: it is not installed");
    return { failed: await pgtap.firstFailure(folder, suite.paths) };
  }
  const paths = [];
  for (const path of suite.paths) if (await exists(join(folder, path))) paths.push(path);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--quiet", "--no-check", "--no-lock", "--fail-fast", "--unstable-no-legacy-abort", ...paths],
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
  if (success) return { failed: null };
  const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  return { failed: hung ? "hung" : firstFailure(output) };
}

function firstFailure(output: string): string {
  const named = output.match(/^(.*?) => \.\/tests\//m)?.[1] ?? output.match(/^(.*?) \.\.\. FAILED/m)?.[1];
  return named ?? output.match(/^error: .*$/m)?.[0] ?? "the tests did not run to their end";
}
