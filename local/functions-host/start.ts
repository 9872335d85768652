import { join } from "node:path/posix";
import { fileURLToPath } from "node:url";
import { exists } from "../postgres/installation.ts";
import { forward } from "./forward.ts";
import { makeScratchFolder, removeScratchFolder } from "./scratch.ts";
import { BootError, startWorker, type Worker } from "./worker.ts";

export type FunctionLog = { function: string; stream: "stdout" | "stderr"; line: string };

export type FunctionsHost = {
  /** Answers a request to `/functions/v1/<name>…`. Starts the function if it is not running. */
  fetch(request: Request, name: string): Promise<Response>;
  /** Starts a function ahead of its first request. */
  warm(name: string): Promise<void>;
  /** The process id of a function that is running or starting, else undefined. Benches read its CPU and memory. */
  pid(name: string): Promise<number | undefined>;
  /** Kills a running function, wherever it is. The next request starts it again. */
  kill(name: string, signal?: Deno.Signal): Promise<void>;
  /** The most recent log lines of all functions, oldest first. */
  logs(): FunctionLog[];
  close(): Promise<void>;
};

export type FunctionsHostOptions = {
  /** The environment of every function; nothing else is inherited. */
  env: Record<string, string>;
  /** A folder with one subfolder per function. Subfolders without `index.ts` are ignored. */
  folder?: string;
  onLog?: (log: FunctionLog) => void;
};

const productFunctions = fileURLToPath(new URL("../../functions", import.meta.url));
const keptLogs = 2_000;
const functionName = /^[a-zA-Z0-9_-]+$/;

/** Hosts every function of a folder in a separate process, isolated as by the Edge Runtime. */
export async function startFunctionsHost(options: FunctionsHostOptions): Promise<FunctionsHost> {
  const folder = options.folder ?? productFunctions;
  const scratch = await makeScratchFolder();
  const workers = new Map<string, Promise<Worker>>();
  const logs: FunctionLog[] = [];
  let closed = false;

  function record(log: FunctionLog): void {
    logs.push(log);
    if (logs.length > keptLogs) logs.shift();
    options.onLog?.(log);
  }

  /** Requests that arrive while a function starts wait for the same start. */
  function workerOf(name: string): Promise<Worker> {
    const running = workers.get(name);
    if (running) return running;
    if (closed) throw new Error(`Cannot start ${name} as a function: the host is closed`);
    const started = startWorker({
      folder: join(folder, name),
      scratch,
      env: { ...options.env, SUPABASE_FUNCTION_SLUG: name, SB_REGION: "local" },
      onLine: (line, stream) => record({ function: name, stream, line }),
    });
    workers.set(name, started);
    const forget = () => workers.get(name) === started && workers.delete(name);
    started.then((worker) => worker.gone.then(forget), forget);
    return started;
  }

  async function end(name: string, signal: Deno.Signal): Promise<void> {
    // Undefined if the function failed to start.
    const worker = await workers.get(name)?.catch(() => undefined);
    worker?.kill(signal);
    await worker?.gone;
  }

  return {
    async fetch(request, name) {
      if (!functionName.test(name) || !await exists(join(folder, name, "index.ts"))) {
        return Response.json({ code: "NOT_FOUND", message: "Requested function was not found" }, { status: 404 });
      }
      try {
        return await forward(request, await workerOf(name));
      } catch (error) {
        if (!(error instanceof BootError)) throw error;
        record({ function: name, stream: "stderr", line: error.message });
        return Response.json({ code: "BOOT_ERROR", message: "Function failed to start (please check logs)" }, {
          status: 503,
        });
      }
    },
    warm: async (name) => void await workerOf(name),
    pid: async (name) => (await workers.get(name))?.pid,
    kill: (name, signal = "SIGKILL") => end(name, signal),
    logs: () => [...logs],
    async close() {
      closed = true;
      await Promise.all([...workers.keys()].map((name) => end(name, "SIGKILL")));
      await removeScratchFolder(scratch);
    },
  };
}
