// Run by `npm pack`. Builds everything in the npm package except the documents, into dist/ or the given folder.
//
//   lapse.mjs        the command with all that it imports, for plain Node
//   release.json     what the release consists of (cli/install/release.ts reads it)
//   install.sql      all migrations as one, uninstall.sql, and the deltas between releases
//   functions/NAME/  one folder per function, with everything it imports in one file: a deployment resolves no package
//   THIRD-PARTY-NOTICES  the licences of all that is bundled
//   dev/             the local platform (`lapse dev`), for Deno, with the SQL that it reads

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle, bundleFunction } from "./bundle.ts";
import { noticesOf, packagesIn } from "./notices.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const dist = Deno.args[0] ?? join(root, "dist");

const { version, devDependencies } = JSON.parse(await Deno.readTextFile(join(root, "package.json")));
await Deno.remove(dist, { recursive: true }).catch(() => {});
await Deno.mkdir(dist, { recursive: true });

const bundled: string[] = [];
const functions = await namesIn("functions", (name) => exists(join(root, "functions", name, "index.ts")));
await Promise.all([
  bundleProgram("cli/main.ts", join(dist, "lapse.mjs")),
  ...functions.map(buildFunction),
  buildPlatform(join(dist, "dev")),
]);

await Deno.writeTextFile(join(dist, "THIRD-PARTY-NOTICES"), await noticesOf(bundled));

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
const release = { version, contract, functions, deltas, tools: devDependencies };
await Deno.writeTextFile(join(dist, "release.json"), JSON.stringify(release, null, 2) + "\n");
console.error(`Built Lapse ${version} with ${functions.join(", ")} into ${dist}`);

async function buildFunction(name: string): Promise<void> {
  const folder = join(dist, "functions", name);
  const header =
    `// ${name} of Lapse ${version}. Made by \`lapse init\`; \`lapse update\` replaces it, so change nothing here.\n`;
  await bundleFunction(join(root, "functions", name), folder, { header });
  await noteBundled(join(folder, "bundle.js"));
}

/** Its parts read files beside themselves, and in the bundle they are all in one place. */
async function buildPlatform(folder: string): Promise<void> {
  // As it is: --minify puts a value that is used once in the place of its name, also where `using` would have closed it.
  await bundleProgram("local/stack/main.ts", join(folder, "stack.mjs"), []);
  await bundleProgram("local/functions-host/bootstrap.ts", join(folder, "bootstrap.mjs"), []);
  for (const name of await namesIn("local/platform", (it) => it.endsWith(".sql"))) {
    await Deno.copyFile(join(root, "local/platform", name), join(folder, name));
  }
  for (const extension of await namesIn("local/extensions", (it) => !it.endsWith(".ts"))) {
    await Deno.mkdir(join(folder, extension));
    for (const name of await namesIn(`local/extensions/${extension}`, () => true)) {
      await Deno.copyFile(join(root, "local/extensions", extension, name), join(folder, extension, name));
    }
  }
}

async function bundleProgram(entry: string, output: string, options?: string[]): Promise<void> {
  await Deno.mkdir(dirname(output), { recursive: true });
  await bundle({ config: join(root, "deno.json"), entry: join(root, entry), output, options });
  await noteBundled(output);
}

/** Reads the packages in a bundle from its source map, for their licences, and removes the map. */
async function noteBundled(output: string): Promise<void> {
  bundled.push(...await packagesIn(`${output}.map`));
  await Deno.remove(`${output}.map`);
}

async function namesIn(folder: string, fits: (name: string) => boolean | Promise<boolean>): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(join(root, folder))) if (await fits(name)) names.push(name);
  return names.sort();
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
