import type postgres from "postgres";
import type { Stack } from "../../local/stack/start.ts";

/** CPU time in milliseconds (user and system, in ticks of 10 ms), resident memory and its peak in bytes. */
export type Usage = { cpuMs: number; residentBytes: number; peakBytes: number };

/** What the process of a running function has used so far. Linux only: macOS has no /proc. */
export async function usageOf(stack: Stack, name = "expire-stale-orders"): Promise<Usage> {
  const pid = await stack.functions.pid(name);
  if (pid === undefined) throw new Error(`Cannot measure ${name}: it does not run`);
  return processUsage(pid);
}

export async function processUsage(pid: number): Promise<Usage> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  // Fields 14 and 15; the name in parentheses before them may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const bytesOf = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) * 1024;
  return {
    cpuMs: (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK,
    residentBytes: bytesOf("VmRSS"),
    peakBytes: bytesOf("VmHWM"),
  };
}

/** USER_HZ is 100 on every Linux of today. */
const MS_PER_TICK = 10;

/** CPU of a connection's server process in milliseconds, as the kernel counts it. `admin` is one connection of a superuser. */
export async function serverCpuMs(admin: postgres.ReservedSql): Promise<number> {
  const [row] = await admin`
    select split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::float8 / 1e6 as ms`;
  return row!.ms;
}
