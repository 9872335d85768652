import { functionNames } from "./files.ts";
import { runDeno } from "./program.ts";
import { fail, type Job, noTally } from "./tally.ts";

/** What can be said about the sources without running them. Each program that has to be content counts as one test. */
export async function staticChecks(): Promise<Job[]> {
  return [
    program("format", ["fmt", "--check"]),
    program("lint", ["lint", "--quiet"]),
    program("types", ["check", "--quiet"], "of everything"),
    ...(await functionNames()).map((name) => program("types", checkAsDeployed(name), `of ${name} as deployed`)),
  ];
}

/**
 * The functions once more, each with its own deno.json: that is all the platform gets, and an import that only the root's
 * deno.json knows would be found nowhere else.
 */
function checkAsDeployed(name: string): string[] {
  return ["check", "--quiet", "--no-lock", `--config=functions/${name}/deno.json`, `functions/${name}/index.ts`];
}

function program(check: string, args: string[], part?: string): Job {
  return {
    check,
    part,
    async run() {
      const { code, output } = await runDeno(args);
      const tally = noTally();
      if (code === 0) tally.passed++;
      else fail(tally, `deno ${args.join(" ")}`);
      return { ...tally, output };
    },
  };
}
