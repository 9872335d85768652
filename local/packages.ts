import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));

/**
 * The folder of an installed npm package, found as Node would: in the node_modules of a folder above this one. So it is the repository's,
 * or, where this runs from the npm package of Lapse, the one that the shop installed.
 *
 * @throws Error that says what to install.
 */
export function packageFolder(name: string, from = here): string {
  for (let folder = from;; folder = dirname(folder)) {
    const found = join(folder, "node_modules", name);
    if (existsSync(join(found, "package.json"))) return realpathSync(found);
    if (dirname(folder) === folder) throw new Error(`Cannot find the npm package ${name}: install it`);
  }
}

/** The program of a package, for example the Supabase CLI. */
export function packageProgram(name: string): string {
  const folder = packageFolder(name);
  const { bin } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return join(folder, typeof bin === "string" ? bin : bin[name]);
}
