import { fileURLToPath } from "node:url";

/** The project's folder; everything runs from here. */
export const root = fileURLToPath(new URL("../../..", import.meta.url));

const limitMs = 10 * 60_000;

/** Runs Deno with its output on the screen. Resolves to the exit code; a run that takes more than 10 minutes is ended. */
export async function runDeno(args: string[]): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args,
    cwd: root,
    stdin: "null",
    signal: AbortSignal.timeout(limitMs),
  });
  return (await child.spawn().status).code;
}
