import { root } from "./runner/program.ts";

/** How a program ended. `output` is what it printed on both streams, `stdout` what it printed on the first. */
export type Ended = { code: number; stdout: string; output: string };

export type CommandOptions = { env?: Record<string, string>; show?: boolean; limitMinutes?: number };

/**
 * Runs a program in the project's folder and resolves when it ends, or was ended because it took too long. With `show` what it prints is on the
 * screen as well. A program that cannot be started ends with code 127, as in a shell.
 */
export async function command(program: string, args: string[], options: CommandOptions = {}): Promise<Ended> {
  const signal = AbortSignal.timeout((options.limitMinutes ?? 2) * 60_000);
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args,
      cwd: root,
      env: options.env,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal,
    }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { code: 127, stdout: "", output: `${program}: ${error.message}` };
  }
  let output = "";
  const read = async (stream: ReadableStream<Uint8Array>, screen: typeof Deno.stdout | typeof Deno.stderr) => {
    let own = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      own += text;
      output += text;
      if (options.show) await screen.write(new TextEncoder().encode(text));
    }
    return own;
  };
  const [stdout] = await Promise.all([read(child.stdout, Deno.stdout), read(child.stderr, Deno.stderr)]);
  return { code: (await child.status).code, stdout, output };
}
