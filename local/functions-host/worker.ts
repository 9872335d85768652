import { createInterface } from "node:readline";
import { basename, join } from "node:path/posix";
import { Readable } from "node:stream";
import { pathToFileURL } from "node:url";
import { exists } from "../postgres/installation.ts";

/** One process of one function. */
export type Worker = {
  port: number;
  pid: number;
  /** Resolves when the process is gone, however it went. */
  gone: Promise<Deno.CommandStatus>;
  kill(signal: Deno.Signal): void;
};

export type WorkerOptions = {
  /** The folder that holds `index.ts` and `deno.json`. */
  folder: string;
  env: Record<string, string>;
  /** Where the generated entry modules go; removed by the host. */
  scratch: string;
  onLine(line: string, stream: "stdout" | "stderr"): void;
};

/** The function did not come up: a syntax error, a missing import, an exception while loading. */
export class BootError extends Error {}

const bootLimitMs = 20_000;
const bootstrap = new URL("./bootstrap.ts", import.meta.url).href;
const portMark = "\u0001lapse-function-port ";

/**
 * Starts a function in a Deno of its own with the least it needs: network, and the environment it was given and
 * nothing inherited. Resolves when it listens. Throws `BootError` if it does not.
 */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const child = new Deno.Command(Deno.execPath(), {
    args: await denoArguments(options),
    clearEnv: true,
    // DENO_DIR is where Deno finds the packages; without HOME it would look elsewhere.
    env: { DENO_DIR: denoDirectory(), NO_COLOR: "1", ...options.env, SB_EXECUTION_ID: crypto.randomUUID() },
    cwd: options.folder,
    // Its end tells the function that the host is gone (bootstrap.ts).
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
    return { port, pid: child.pid, gone: child.status, kill: (signal) => kill(child, signal) };
  } finally {
    clearTimeout(limit);
  }
}

/** The entry imports the function statically: a dynamic import would need permission to read files. */
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
  // Written at the first start, read at the later ones. A hosted function starts from a bundle in which its packages are resolved;
  // without a lock Deno would read at every start what the registry says of all their versions.
  const lock = await exists(join(folder, "deno.lock"))
    ? ["--frozen"]
    : [`--lock=${join(scratch, `${basename(folder)}.lock`)}`];
  const permissions = ["--allow-net", "--allow-env", "--no-prompt", "--unstable-no-legacy-abort"];
  return ["run", "--quiet", ...configuration, ...lock, "--node-modules-dir=none", ...permissions, entry];
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
    // It has ended by itself in the meantime.
    if (!(error instanceof TypeError) && !(error instanceof Deno.errors.NotFound)) throw error;
  }
}
