import { join } from "node:path";
import { functionNames } from "./files.ts";
import { root, runDeno } from "./program.ts";
import { fail, type Job, noTally } from "./tally.ts";

/** Checks of the sources, which run none of them. Each program counts as one test. */
export async function staticChecks(): Promise<Job[]> {
  return [
    program("format", ["fmt", "--check"]),
    program("lint", ["lint", "--quiet"]),
    program("types", ["check", "--quiet"], "of everything"),
    ...(await functionsByConfig()).map((names) =>
      program("types", checkAsDeployed(names), `of ${names.join(", ")} as deployed`)
    ),
  ];
}

/** The functions, those with the same deno.json together: one program checks what they share once. */
async function functionsByConfig(): Promise<string[][]> {
  const names = await functionNames();
  const configs = await Promise.all(names.map((name) => Deno.readTextFile(join(root, configOf(name)))));
  return [...Map.groupBy(names, (name) => configs[names.indexOf(name)]!).values()];
}

/**
 * Checks functions again, with their own deno.json: the platform gets no other, so an import that only the root's deno.json
 * names would not be found there.
 */
function checkAsDeployed(names: string[]): string[] {
  const entries = names.map((name) => `functions/${name}/index.ts`);
  return ["check", "--quiet", "--no-lock", `--config=${configOf(names[0]!)}`, ...entries];
}

function configOf(name: string): string {
  return `functions/${name}/deno.json`;
}

function program(check: string, args: string[], part?: string): Job {
  return {
    check,
    part,
    async run() {
      const { code, output, cpuSeconds } = await runDeno(args);
      const tally = noTally();
      if (code === 0) tally.passed++;
      else fail(tally, `deno ${args.join(" ")}`);
      return { ...tally, output, cpuSeconds };
    },
  };
}
