import { command, type Ended } from "../command.ts";

export { root } from "../root.ts";

/** `cpuSeconds`: of Deno and everything it started and waited for. */
export type DenoEnded = Ended & { cpuSeconds: number };

/** Runs a program and writes to $0 what the shell says of processor time. Deno can ask that of itself only. */
const MEASURED = `"$@"; code=$?; times > "$0"; exit $code`;

/** Runs Deno and resolves when it ends; one that takes too long is ended. In colour where this program's own output is. */
export async function runDeno(args: string[], options: { limitMinutes?: number } = {}): Promise<DenoEnded> {
  const colour = Deno.stdout.isTerminal() && !Deno.noColor;
  const env: Record<string, string> = colour ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" };
  const times = await Deno.makeTempFile({ prefix: "lapse-times-" });
  try {
    const program = ["-c", MEASURED, times, Deno.execPath(), ...args];
    const ended = await command("sh", program, { env, limitMinutes: options.limitMinutes ?? 10 });
    return { ...ended, cpuSeconds: cpuSeconds(await Deno.readTextFile(times)) };
  } finally {
    await Deno.remove(times);
  }
}

/** The sum of what `times` prints: user and system time of the shell and of its children, each as `1m2.345s`. */
export function cpuSeconds(times: string): number {
  return [...times.matchAll(/(\d+)m([\d.]+)s/g)].reduce((sum, [, m, s]) => sum + 60 * Number(m) + Number(s), 0);
}
