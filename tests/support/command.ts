import { root } from "./root.ts";

/** How a program ended. `output` is what it printed on both streams, `stdout` what it printed on the first. */
export type Ended = { code: number; stdout: string; output: string };

export type CommandOptions = { env?: Record<string, string>; show?: boolean; limitMinutes?: number };

const running = new Set<Deno.ChildProcess>();
let ending = false;

/**
 * Runs a program in the project's folder and resolves when it ends, or was ended because it took too long. With `show` what it prints is
 * on the screen as well. A program that cannot be started ends with code 127, as in a shell.
 */
export async function command(program: string, args: string[], options: CommandOptions = {}): Promise<Ended> {
  if (ending) throw new Error(`Cannot run ${program}: everything is being ended`);
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args,
      cwd: root,
      env: options.env,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      // A process group of its own, so that it can be ended together with everything it started.
      detached: true,
    }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { code: 127, stdout: "", output: `${program}: ${error.message}` };
  }
  running.add(child);
  const limit = setTimeout(() => end(child), (options.limitMinutes ?? 2) * 60_000);
  try {
    return await collect(child, options.show ?? false);
  } finally {
    clearTimeout(limit);
    running.delete(child);
  }
}

/** Ends every program that still runs, with what it started, and lets no other one begin. */
export function endCommands(): void {
  ending = true;
  for (const child of running) end(child);
}

function end(child: Deno.ChildProcess): void {
  try {
    Deno.kill(-child.pid, "SIGTERM");
  } catch (error) {
    // The whole group is gone already.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function collect(child: Deno.ChildProcess, show: boolean): Promise<Ended> {
  let output = "";
  const read = async (stream: ReadableStream<Uint8Array>, screen: typeof Deno.stdout | typeof Deno.stderr) => {
    let own = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      own += text;
      output += text;
      if (show) await screen.write(new TextEncoder().encode(text));
    }
    return own;
  };
  const [stdout] = await Promise.all([read(child.stdout, Deno.stdout), read(child.stderr, Deno.stderr)]);
  return { code: (await child.status).code, stdout, output };
}
