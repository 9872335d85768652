import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { packageFolder } from "../../local/packages.ts";
import { UsageError } from "../errors.ts";
import { isPackaged, readRelease } from "../install/release.ts";

/** How the local platform is started: a program and what comes before the options. */
export type Start = { program: string; args: string[] };

const FLAGS = ["run", "-A", "--quiet", "--unstable-no-legacy-abort"];

/**
 * The local platform is Deno's, and needs a PostgreSQL and the Supabase CLI. The package does not depend on these: they are 300 MB, and
 * installing and operating Lapse does not need them.
 *
 * @throws UsageError naming the command that installs what is missing.
 */
export function findStart(): Start {
  if (!isPackaged) {
    return {
      program: process.execPath,
      args: [...FLAGS, fileURLToPath(new URL("../../local/stack/main.ts", import.meta.url))],
    };
  }
  const { tools } = readRelease();
  const missing = Object.keys(tools).filter((name) => folderOf(name) === null);
  if (missing.length > 0) {
    const packages = missing.map((name) => `${name}@${tools[name]}`).join(" ");
    throw new UsageError(
      `Cannot start the local platform: it needs ${
        missing.join(", ")
      } beside Lapse. npm install --save-dev ${packages}`,
    );
  }
  refuseOldCli(tools.supabase!);
  const stack = fileURLToPath(new URL("./dev/stack.mjs", import.meta.url));
  // Neither the shop's configuration nor its packages are this program's.
  return { program: denoProgram(), args: [...FLAGS, "--no-config", "--no-lock", "--node-modules-dir=none", stack] };
}

/** Null if it is not installed. */
function folderOf(name: string): string | null {
  try {
    return packageFolder(name);
  } catch {
    return null;
  }
}

/** @throws UsageError for a version that lacks the options by which migrations are applied here. */
function refuseOldCli(tested: string): void {
  const { version } = JSON.parse(readFileSync(join(packageFolder("supabase"), "package.json"), "utf8"));
  if (Number.parseInt(version) >= 3) return;
  throw new UsageError(
    `Cannot start the local platform: the Supabase CLI here is ${version}, and it needs 3 or later. npm install --save-dev supabase@${tested}`,
  );
}

/** Not node_modules/.bin/deno: that waits for Deno in a way that lets no signal through. */
function denoProgram(): string {
  const folder = packageFolder("deno");
  const program = join(folder, process.platform === "win32" ? "deno.exe" : "deno");
  // The package's own way where its install script was not allowed to run.
  return existsSync(program) ? program : createRequire(import.meta.url)(join(folder, "install_api.cjs")).runInstall();
}
