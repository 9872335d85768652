import { join } from "node:path/posix";
import { freePort } from "../../local/postgres/free-port.ts";
import { exists, run, serversFolder, serverUser, superuser } from "../../local/postgres/installation.ts";
import { startProcess } from "../../local/postgres/process.ts";

const binaries = "/usr/lib/postgresql/15/bin";

export type DebianPostgres = {
  /** Superuser, database `postgres`, which is also where pg_cron lives. */
  url: string;
  /** Stops and starts the server, with other settings on top of its own; same data, same port. */
  restart(settings: Record<string, string | number>): Promise<void>;
} & AsyncDisposable;

/**
 * Starts Debian's PostgreSQL 15 with the real pg_cron, on data and a port of its own: the cluster the packages may have created is
 * left alone. Throws if the packages are not installed.
 */
export async function startDebianPostgres(settings: Record<string, string | number>): Promise<DebianPostgres> {
  if (!await exists(`${binaries}/postgres`)) throw new Error(`Cannot start PostgreSQL 15: ${binaries} has no postgres`);
  const user = serverUser();
  const folder = await Deno.makeTempDir({ dir: serversFolder(), prefix: "lapse-debian-" });
  const password = crypto.randomUUID();
  const passwordFile = join(folder, "password");
  await Deno.writeTextFile(passwordFile, password, { mode: 0o600 });
  await Deno.symlink(binaries, join(folder, "bin"));
  if (user) {
    await Deno.chown(folder, user.uid, user.gid);
    await Deno.chown(passwordFile, user.uid, user.gid);
  }
  const options = [`--username=${superuser}`, `--pwfile=${passwordFile}`, "--auth=scram-sha-256"];
  const locale = ["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"];
  await run(join(binaries, "initdb"), [`--pgdata=${join(folder, "data")}`, ...options, ...locale], user);

  const port = freePort();
  const own = {
    port,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    fsync: "off",
    timezone: "UTC",
    shared_preload_libraries: "pg_cron",
    "cron.database_name": "postgres",
    // Otherwise pg_cron connects over TCP and needs a password file.
    "cron.use_background_workers": "on",
  };
  const start = (more: Record<string, string | number>) =>
    startProcess(folder, { settings: { ...own, ...more }, user });
  let server = await start(settings);
  return {
    url: `postgres://${superuser}:${password}@127.0.0.1:${port}/postgres`,
    async restart(other) {
      await server.stop("fast");
      server = await start(other);
    },
    async [Symbol.asyncDispose]() {
      await server.stop("immediate");
      await Deno.remove(folder, { recursive: true });
    },
  };
}
