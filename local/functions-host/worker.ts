import { createHash } from "node:crypto";
import { createInterface } from "node:readline";
import { basename, dirname, join } from "node:path/posix";
import { Readable } from "node:stream";
import { fileURLToPath, pathToFileURL } from "node:url";
import { exists } from "../postgres/installation.ts";

/** The process of one function. */
export type Worker = {
  port: number;
  pid: number;
  /** Resolves when the process has ended, for any reason. */
  gone: Promise<Deno.CommandStatus>;
  kill(signal: Deno.Signal): void;
};

export type WorkerOptions = {
  /** The folder that holds `index.ts` and `deno.json`. */
  folder: string;
  env: Record<string, string>;
  /** The folder for generated entry modules; the host removes it. */
  scratch: string;
  onLine(line: string, stream: "stdout" | "stderr"): void;
};

/** The function did not start: a syntax error, a missing import, or an exception while loading. */
export class BootError extends Error {}

const bootLimitMs = 20_000;
/** In the npm package it is JavaScript, because Deno runs no TypeScript below node_modules. */
const bootstrap = new URL(`./bootstrap.${import.meta.url.endsWith(".ts") ? "ts" : "mjs"}`, import.meta.url).href;
const portMark = "\u0001lapse-function-port ";

/**
 * Starts a function in a separate Deno process with minimal permissions: network, and only the given environment.
 * Resolves when it listens. Throws `BootError` if it fails to start.
 */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const child = new Deno.Command(Deno.execPath(), {
    args: await denoArguments(options),
    clearEnv: true,
    // Deno finds its packages through DENO_DIR. Without it and HOME it would look elsewhere.
    env: { DENO_DIR: denoDirectory(), NO_COLOR: "1", ...options.env, SB_EXECUTION_ID: crypto.randomUUID() },
    cwd: options.folder,
    // When the host is gone, this pipe closes, and the function ends (bootstrap.ts).
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const listening = Promise.withResolvers<number>();
  readLines(child.stdout, (line) => {
    if (line.startsWith(portMark)) listening.resolve(Number(line.slice(portMark.length)));
    else options.onLine(line, "stdout");
  });
  readLines(child.stderr, (line) => options.onLine(line, "stderr"));
  child.status.then(({ code, signal }) => {
    listening.reject(new BootError(`Cannot start the function in ${options.folder}: it ended with ${signal ?? code}`));
  });
  const limit = setTimeout(() => {
    listening.reject(
      new BootError(`Cannot start the function in ${options.folder}: not listening after ${bootLimitMs} ms`),
    );
    child.kill("SIGKILL");
  }, bootLimitMs);
  try {
    const port = await listening.promise;
    await keepLock(options);
    return { port, pid: child.pid, gone: child.status, kill: (signal) => kill(child, signal) };
  } finally {
    clearTimeout(limit);
  }
}

/** The entry imports the function statically, because a dynamic import would need permission to read files. */
async function denoArguments({ folder, scratch }: WorkerOptions): Promise<string[]> {
  const entry = join(scratch, `${crypto.randomUUID()}.ts`);
  await Deno.writeTextFile(
    entry,
    `import { serveDefaultExport } from ${JSON.stringify(bootstrap)};\n` +
      `import * as entry from ${JSON.stringify(pathToFileURL(join(folder, "index.ts")).href)};\n` +
      `serveDefaultExport(entry);\n`,
  );
  const config = join(folder, "deno.json");
  const configuration = await exists(config) ? [`--config=${config}`] : ["--no-config"];
  const lock = await exists(join(folder, "deno.lock")) ? ["--frozen"] : [`--lock=${await lockOf({ folder, scratch })}`];
  const permissions = ["--allow-net", "--allow-env", "--no-prompt", "--unstable-no-legacy-abort"];
  return ["run", "--quiet", ...configuration, ...lock, "--node-modules-dir=none", ...permissions, entry];
}

/**
 * The lock file for a function that has none. A hosted function starts from a bundle with resolved packages. Without a
 * lock Deno would resolve them at every start, which takes a quarter of its processor time.
 */
async function lockOf({ folder, scratch }: Pick<WorkerOptions, "folder" | "scratch">): Promise<string> {
  const own = join(scratch, `${basename(folder)}.lock`);
  if (!await exists(own) && await exists(await keptLockOf(folder))) await Deno.copyFile(await keptLockOf(folder), own);
  return own;
}

/** Keeps the lock that the first start wrote, for hosts to come. They use copies, because Deno may write to its lock. */
async function keepLock({ folder, scratch }: Pick<WorkerOptions, "folder" | "scratch">): Promise<void> {
  const [own, kept] = [join(scratch, `${basename(folder)}.lock`), await keptLockOf(folder)];
  if (!await exists(own) || await exists(kept)) return;
  await Deno.mkdir(dirname(kept), { recursive: true });
  const draft = `${kept}.${crypto.randomUUID()}`;
  await Deno.copyFile(own, draft);
  await Deno.rename(draft, kept);
}

async function keptLockOf(folder: string): Promise<string> {
  const config = await Deno.readTextFile(join(folder, "deno.json")).catch(() => "");
  const hash = createHash("sha256").update(Deno.version.deno).update(config).digest("hex").slice(0, 32);
  return fileURLToPath(new URL(`../../node_modules/.lapse-locks/${hash}.lock`, import.meta.url));
}

let cachedDenoDirectory: string | undefined;

function denoDirectory(): string {
  cachedDenoDirectory ??= Deno.env.get("DENO_DIR") ?? askDenoForItsDirectory();
  return cachedDenoDirectory;
}

function askDenoForItsDirectory(): string {
  const { stdout } = new Deno.Command(Deno.execPath(), { args: ["info", "--json", "--no-config"] }).outputSync();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

async function readLines(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  for await (const line of createInterface(Readable.fromWeb(stream as never))) onLine(line);
}

function kill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch (error) {
    // The process has ended meanwhile.
    if (!(error instanceof TypeError) && !(error instanceof Deno.errors.NotFound)) throw error;
  }
}
