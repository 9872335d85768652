import { functionNames } from "./files.ts";
import { runDeno } from "./program.ts";
import type { Check, Tally } from "./tally.ts";

/** What can be said about the sources without running them. Each program that has to be content counts as one test. */
export async function staticChecks(): Promise<Check[]> {
  return [
    programs("format", [["fmt", "--check"]]),
    programs("lint", [["lint", "--quiet"]]),
    programs("types", [["check", "--quiet"], ...(await functionNames()).map(checkAsDeployed)]),
  ];
}

/**
 * The functions once more, each with its own deno.json: that is all the platform gets, and an import that only the root's
 * deno.json knows would be found nowhere else.
 */
function checkAsDeployed(name: string): string[] {
  return ["check", "--quiet", "--no-lock", `--config=functions/${name}/deno.json`, `functions/${name}/index.ts`];
}

function programs(name: string, commands: string[][]): Check {
  return {
    name,
    async run() {
      const tally: Tally = { passed: 0, failed: 0, skipped: 0, notes: [] };
      for (const command of commands) {
        if (await runDeno(command) === 0) {
          tally.passed++;
          continue;
        }
        tally.failed++;
        tally.notes.push(`deno ${command.join(" ")}`);
      }
      return tally;
    },
  };
}
