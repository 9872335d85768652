import { join } from "node:path/posix";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { ServerUser } from "./installation.ts";

export type PostgresProcess = { log(): string[]; stop(mode: "fast" | "immediate"): Promise<void> };

const keptLogLines = 5_000;
const startLimitMs = 30_000;

/** Starts the server in `folder` and resolves once it accepts connections. Throws with the server's log if it does not. */
export async function startProcess(
  folder: string,
  options: { settings: Record<string, string | number>; user: ServerUser | undefined },
): Promise<PostgresProcess> {
  const settings = Object.entries(options.settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const child = new Deno.Command(join(folder, "bin", "postgres"), {
    args: ["-D", join(folder, "data"), ...settings],
    clearEnv: true,
    env: { TZ: "UTC", LC_ALL: "C" },
    cwd: "/",
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    // Ctrl-C is sent to the whole process group. The server must outlive the programs that still clean up in it.
    detached: true,
    ...options.user,
  }).spawn();

  const lines: string[] = [];
  const ready = Promise.withResolvers<void>();
  // The pipe is always read to its end, because a full pipe would block the server at its next log line.
  const drained = (async () => {
    for await (const line of createInterface(Readable.fromWeb(child.stderr as never))) {
      lines.push(line);
      if (lines.length > keptLogLines) lines.shift();
      if (line.includes("database system is ready to accept connections")) ready.resolve();
    }
  })();
  // The last lines contain the reason, and may arrive after the process has ended.
  const gone = Promise.all([child.status, drained]).then(([{ code }]) => {
    ready.reject(startError(`exit code is ${code}`, lines));
  });
  const limit = setTimeout(() => {
    child.kill("SIGQUIT");
    ready.reject(startError(`not ready after ${startLimitMs} ms`, lines));
  }, startLimitMs);
  try {
    await ready.promise;
  } finally {
    clearTimeout(limit);
  }

  async function stop(mode: "fast" | "immediate"): Promise<void> {
    try {
      child.kill(mode === "fast" ? "SIGINT" : "SIGQUIT");
    } catch (error) {
      // It has already ended.
      if (!(error instanceof TypeError) && !(error instanceof Deno.errors.NotFound)) throw error;
    }
    await gone;
  }
  return { log: () => [...lines], stop };
}

function startError(value: string, lines: string[]): Error {
  return new Error(`Cannot start PostgreSQL: ${value}\n${lines.join("\n")}`);
}
