import { relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { root } from "./program.ts";

/** What a module imports: a file of the project as a path below the root, others as specifiers. `types`: nothing but types. */
export type Import = { target: string; types: boolean };

/** A module of the project. */
export type Module = { path: string; imports: Import[] };

type Info = { modules: { specifier: string; error?: string; dependencies?: Dependency[] }[] };
type Dependency = { specifier: string; code?: Resolved; type?: Resolved };
type Resolved = { specifier?: string; error?: string };

/**
 * The project's modules that `entries` reach, as Deno resolves them with the deno.json at `config`; all paths below the root.
 * Throws if one of them cannot be found.
 */
export async function moduleGraph(entries: string[], config: string): Promise<Module[]> {
  // deno info takes one entry.
  const list = await Deno.makeTempFile({ prefix: "lapse-entries-", suffix: ".ts" });
  try {
    const lines = entries.map((entry) => `import ${JSON.stringify(pathToFileURL(resolve(root, entry)).href)};`);
    await Deno.writeTextFile(list, lines.join("\n"));
    const { modules } = await readInfo(list, config);
    return modules.filter(({ specifier }) => specifier.startsWith("file:")).map((module) => {
      if (module.error) throw new Error(`Cannot read the imports of ${module.specifier}: ${module.error}`);
      return { path: toPath(module.specifier), imports: importsOf(module.dependencies ?? []) };
    }).filter(({ path }) => path !== toPath(pathToFileURL(list).href));
  } finally {
    await Deno.remove(list);
  }
}

async function readInfo(entry: string, config: string): Promise<Info> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--no-lock", `--config=${config}`, entry],
    cwd: root,
  }).output();
  if (!success) throw new Error(`Cannot read the imports of ${entry}: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Deno resolves `import type` to a type alone, and every other import to code, whose types may come from elsewhere. */
function importsOf(dependencies: Dependency[]): Import[] {
  const imports = new Map<string, Import>();
  for (const { specifier, code, type } of dependencies) {
    const target = toPath((code ?? type)?.specifier ?? specifier);
    const types = code === undefined && (imports.get(target)?.types ?? true);
    imports.set(target, { target, types });
  }
  return [...imports.values()];
}

function toPath(specifier: string): string {
  return specifier.startsWith("file:") ? relative(root, fileURLToPath(specifier)) : specifier;
}
