import { command, type Ended } from "../command.ts";

export { root } from "../root.ts";

/** Runs Deno and resolves when it ends; one that takes too long is ended. In colour where this program's own output is. */
export function runDeno(args: string[], options: { limitMinutes?: number } = {}): Promise<Ended> {
  const colour = Deno.stdout.isTerminal() && !Deno.noColor;
  const env: Record<string, string> = colour ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" };
  return command(Deno.execPath(), args, { env, limitMinutes: options.limitMinutes ?? 10 });
}
