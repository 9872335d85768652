import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { UsageError } from "../errors.ts";

/** Text of a file by its path below some folder, with `/` on every system. */
export type Files = Record<string, string>;

/** What this package installs: local/package/build.ts makes it. */
export type Release = {
  version: string;
  /** Of the adapter. */
  contract: number;
  /** The whole of it as one migration. */
  install: string;
  uninstall: string;
  /** The files of each function's folder. */
  functions: Record<string, Files>;
  deltas: { from: string; to: string; sql: string }[];
};

const schema = z.object({
  version: z.string(),
  contract: z.int(),
  functions: z.array(z.string()),
  deltas: z.array(z.object({ from: z.string(), to: z.string() })),
});

/** Whether the npm package runs, or the repository's source. */
export const isPackaged = !import.meta.url.endsWith(".ts");

const dist = fileURLToPath(new URL(isPackaged ? "./" : "../../dist/", import.meta.url));

/** @throws UsageError in the repository before anything was built. */
export function readRelease(folder = dist): Release {
  if (!existsSync(join(folder, "release.json"))) {
    throw new UsageError("Cannot find what to install: nothing was built yet. Write npm run prepack first");
  }
  const read = (path: string) => readFileSync(join(folder, path), "utf8");
  const { version, contract, functions, deltas } = schema.parse(JSON.parse(read("release.json")));
  return {
    version,
    contract,
    install: read("install.sql"),
    uninstall: read("uninstall.sql"),
    functions: Object.fromEntries(functions.map((name) => [name, readFiles(join(folder, "functions", name))])),
    deltas: deltas.map(({ from, to }) => ({ from, to, sql: read(`${from}--${to}.sql`) })),
  };
}

/**
 * What leads from one release to another, a delta after the other.
 *
 * @throws UsageError when no chain of deltas does.
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

/** Every file below a folder; none if there is no such folder. */
export function readFiles(folder: string): Files {
  if (!existsSync(folder)) return {};
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => statSync(join(folder, path)).isFile());
  return Object.fromEntries(
    paths.sort().map((path) => [path.replaceAll("\\", "/"), readFileSync(join(folder, path), "utf8")]),
  );
}
