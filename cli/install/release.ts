import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { UsageError } from "../errors.ts";

/** Contents of files by path, with `/` as the separator on every system. */
export type Files = Record<string, string>;

/** What this package installs; built by local/package/build.ts. */
export type Release = {
  version: string;
  /** The version of the adapter contract. */
  contract: number;
  /** All migrations joined into one. */
  install: string;
  uninstall: string;
  /** The files of each function. */
  functions: Record<string, Files>;
  deltas: { from: string; to: string; sql: string }[];
  /** The npm packages of the local platform, in the versions it was tested with. */
  tools: Record<string, string>;
};

const schema = z.object({
  version: z.string(),
  contract: z.int(),
  functions: z.array(z.string()),
  deltas: z.array(z.object({ from: z.string(), to: z.string() })),
  tools: z.record(z.string(), z.string()),
});

/** Whether this is the npm package, as opposed to the repository's sources. */
export const isPackaged = !import.meta.url.endsWith(".ts");

const dist = fileURLToPath(new URL(isPackaged ? "./" : "../../dist/", import.meta.url));

/** @throws UsageError in the repository if the package was not built. */
export function readRelease(folder = dist): Release {
  if (!existsSync(join(folder, "release.json"))) {
    throw new UsageError("Cannot find what to install: nothing was built yet. Run npm run prepack first");
  }
  const read = (path: string) => readFileSync(join(folder, path), "utf8");
  const { version, contract, functions, deltas, tools } = schema.parse(JSON.parse(read("release.json")));
  return {
    version,
    contract,
    install: read("install.sql"),
    uninstall: read("uninstall.sql"),
    functions: Object.fromEntries(functions.map((name) => [name, readFiles(join(folder, "functions", name))])),
    deltas: deltas.map(({ from, to }) => ({ from, to, sql: read(`${from}--${to}.sql`) })),
    tools,
  };
}

/**
 * The deltas that lead from one release to another, in order.
 *
 * @throws UsageError if there is no such chain.
 */
export function deltasBetween({ deltas }: Release, from: string, to: string): Release["deltas"] {
  const chain: Release["deltas"] = [];
  for (let at = from; at !== to;) {
    const next = deltas.find((it) => it.from === at);
    if (next === undefined || chain.length > deltas.length) {
      throw new UsageError(`Cannot go from release ${from} to ${to}: this package has no delta from ${at}`);
    }
    chain.push(next);
    at = next.to;
  }
  return chain;
}

/** All files below a folder; none if it does not exist. */
export function readFiles(folder: string): Files {
  if (!existsSync(folder)) return {};
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => statSync(join(folder, path)).isFile());
  return Object.fromEntries(
    paths.sort().map((path) => [path.replaceAll("\\", "/"), readFileSync(join(folder, path), "utf8")]),
  );
}
