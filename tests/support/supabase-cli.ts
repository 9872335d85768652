import { join } from "node:path";
import { command, type Ended } from "./command.ts";
import { root } from "./runner/program.ts";

const cli = join(root, "node_modules", ".bin", "supabase");

/**
 * Runs the real Supabase CLI on the project, or on that in `workdir`, in silence and without calling home. With `database`, a URL, that is
 * the target.
 */
export function supabase(
  args: string[],
  options: { database?: string; workdir?: string; env?: Record<string, string> } = {},
): Promise<Ended> {
  const target = options.database === undefined ? [] : [`--remote=${withoutTls(options.database)}`];
  const env = { ...options.env, SUPABASE_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1", NO_COLOR: "1" };
  return command(cli, [...args, ...target, "--workdir", options.workdir ?? root], { env });
}

/** Otherwise the CLI tries TLS first and says at length that there is none. */
function withoutTls(database: string): string {
  const url = new URL(database);
  url.searchParams.set("sslmode", "disable");
  return url.href;
}
