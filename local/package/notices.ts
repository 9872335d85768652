import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/** The folder of each npm package that a bundle has something of, as its source map tells; Deno keeps them in its cache. */
export async function packagesIn(sourceMap: string): Promise<string[]> {
  const { sources } = JSON.parse(await Deno.readTextFile(sourceMap)) as { sources: string[] };
  const inside = /^.*\/npm\/[^/]+\/(?:@[^/]+\/)?[^/]+\/[^/]+(?=\/)/;
  const folders = sources.flatMap((source) => resolve(dirname(sourceMap), source).match(inside)?.[0] ?? []);
  // A package's own map may name files of its repository that it does not contain; the package is then named by its others.
  return [...new Set(folders)].filter((folder) => existsSync(join(folder, "package.json")));
}

/**
 * The licences of bundled packages, as they ask to be handed on.
 *
 * @throws Error for a package that comes without one.
 */
export async function noticesOf(packages: Iterable<string>): Promise<string> {
  const parts = await Promise.all(
    [...new Set(packages)].sort().map(async (folder) => {
      const { name, version, license } = JSON.parse(await Deno.readTextFile(join(folder, "package.json")));
      const texts = await licencesIn(folder);
      if (texts.length === 0 && typeof license !== "string") {
        throw new Error(`Cannot bundle ${name}@${version}: it has no licence`);
      }
      // Some packages only name their licence.
      return `${name}@${version} (${license})\n\n${
        texts.join("\n\n") || `Licence: ${license}; the package has no text of it.`
      }`;
    }),
  );
  const rule = `\n\n${"-".repeat(80)}\n\n`;
  return `Lapse contains code of these packages, under their own licences.${rule}${parts.join(rule)}\n`;
}

async function licencesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (isFile && /^(licen[cs]e|copying|notice)/i.test(name)) names.push(name);
  }
  return await Promise.all(names.sort().map(async (name) => (await Deno.readTextFile(join(folder, name))).trim()));
}
