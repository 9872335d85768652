import { join } from "node:path/posix";
import { freePort } from "../../local/postgres/free-port.ts";
import { exists, run, serversFolder, serverUser, superuser } from "../../local/postgres/installation.ts";
import { startProcess } from "../../local/postgres/process.ts";

const binaries = "/usr/lib/postgresql/15/bin";

type Settings = Record<string, string | number>;

export type DebianPostgres = {
  /** Superuser, database `postgres`, which is also where pg_cron lives. */
  url: string;
  /** Stops and starts the server, with other settings on top of its own; same data, same port. */
  restart(settings: Settings): Promise<void>;
} & AsyncDisposable;

/**
 * Starts Debian's PostgreSQL 15 with the real pg_cron, on data and a port of its own: the cluster the packages may have created is
 * left alone. Throws if the packages are not installed.
 */
export async function startDebianPostgres(settings: Settings): Promise<DebianPostgres> {
  if (!await exists(`${binaries}/postgres`)) throw new Error(`Cannot start PostgreSQL 15: ${binaries} has no postgres`);
  const folder = await Deno.makeTempDir({ dir: serversFolder(), prefix: "lapse-debian-" });
  const remove = () => Deno.remove(folder, { recursive: true });
  try {
    const password = crypto.randomUUID();
    await initialise(folder, password);
    const port = freePort();
    const start = (more: Settings) =>
      startProcess(folder, { settings: { ...ownSettings(folder), port, ...more }, user: serverUser() });
    let server = await start(settings);
    return {
      url: `postgres://${superuser}:${password}@127.0.0.1:${port}/postgres`,
      async restart(other) {
        await server.stop("fast");
        server = await start(other);
      },
      async [Symbol.asyncDispose]() {
        await server.stop("immediate");
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function initialise(folder: string, password: string): Promise<void> {
  const user = serverUser();
  const passwordFile = join(folder, "password");
  await Deno.writeTextFile(passwordFile, password, { mode: 0o600 });
  await Deno.symlink(binaries, join(folder, "bin"));
  if (user) {
    await Deno.chown(folder, user.uid, user.gid);
    await Deno.chown(passwordFile, user.uid, user.gid);
  }
  await run(join(binaries, "initdb"), [
    `--pgdata=${join(folder, "data")}`,
    `--username=${superuser}`,
    `--pwfile=${passwordFile}`,
    "--auth-local=trust",
    "--auth-host=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    "--no-sync",
    "--no-instructions",
  ], user);
}

function ownSettings(folder: string): Settings {
  return {
    listen_addresses: "127.0.0.1",
    // pg_cron connects without a password, through a folder that only the server's user can enter.
    unix_socket_directories: folder,
    "cron.host": folder,
    fsync: "off",
    timezone: "UTC",
    shared_preload_libraries: "pg_cron",
    "cron.database_name": "postgres",
  };
}
