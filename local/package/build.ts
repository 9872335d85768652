// `npm pack` runs this: builds everything that the npm package has beside its documents, into dist/ or the folder that is given.
//
//   lapse.mjs        the command with all that it imports, for plain Node
//   release.json     what the release consists of (cli/install/release.ts reads it)
//   install.sql      all migrations as one, uninstall.sql, and the deltas between releases
//   functions/NAME/  one folder per function, with everything it imports in one file: a deployment resolves no package

import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const dist = Deno.args[0] ?? join(root, "dist");

const { version } = JSON.parse(await Deno.readTextFile(join(root, "package.json")));
await Deno.remove(dist, { recursive: true }).catch(() => {});
await Deno.mkdir(dist, { recursive: true });

const functions = await namesIn("functions", (name) => exists(join(root, "functions", name, "index.ts")));
await Promise.all([
  bundle(["deno.json", "cli/main.ts"], join(dist, "lapse.mjs")),
  ...functions.map(buildFunction),
]);

const migrations = await namesIn("migrations", (name) => name.endsWith(".sql"));
const install = await Promise.all(migrations.map((name) => Deno.readTextFile(join(root, "migrations", name))));
await Deno.writeTextFile(join(dist, "install.sql"), install.map((sql) => `${sql.trimEnd()}\n`).join("\n"));

const updates = await namesIn("releases", (name) => name.endsWith(".sql"));
for (const name of updates) await Deno.copyFile(join(root, "releases", name), join(dist, name));

const contract = Number(install.join("\n").match(/v_version is distinct from (\d+)/)?.[1]);
if (!Number.isInteger(contract)) throw new Error("Cannot read the contract's version from lapse.adapter_problem()");
const deltas = updates.flatMap((name) => {
  const [, from, to] = name.match(/^(.+)--(.+)\.sql$/) ?? [];
  return from && to ? [{ from, to }] : [];
});
const release = { version, contract, functions, deltas };
await Deno.writeTextFile(join(dist, "release.json"), JSON.stringify(release, null, 2) + "\n");
console.error(`Built Lapse ${version} with ${functions.join(", ")} into ${dist}`);

/**
 * The entry is TypeScript, because that is the name under which the platform looks for it. The bundle is JavaScript: read as TypeScript,
 * its shortened code could mean something else.
 */
async function buildFunction(name: string): Promise<void> {
  const folder = join(dist, "functions", name);
  await Deno.mkdir(folder, { recursive: true });
  const header =
    `// ${name} of Lapse ${version}. Made by \`lapse init\`; \`lapse update\` replaces it, so change nothing here.\n`;
  await Deno.writeTextFile(join(folder, "index.ts"), `${header}import "./bundle.js";\n`);
  // The shop's own imports must not reach the function.
  await Deno.writeTextFile(join(folder, "deno.json"), `{\n  "imports": {},\n  "exclude": ["bundle.js"]\n}\n`);
  await bundle([`functions/${name}/deno.json`, `functions/${name}/index.ts`], join(folder, "bundle.js"));
}

async function bundle([config, entry]: [config: string, entry: string], output: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--minify", `--config=${join(root, config)}`, `--output=${output}`, join(root, entry)],
    cwd: root,
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`Cannot bundle ${entry}: ${new TextDecoder().decode(stderr)}`);
}

async function namesIn(folder: string, fits: (name: string) => boolean | Promise<boolean>): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(join(root, folder))) if (await fits(name)) names.push(name);
  return names.sort();
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
