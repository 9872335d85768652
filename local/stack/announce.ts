import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";

const stackFile = fileURLToPath(new URL("../../.lapse/stack.json", import.meta.url));
const another = z.looseObject({ apiUrl: z.url(), secretKey: z.string() });

/** `replaced` is the address of the stack that the commands talked to before, if one runs. */
export type Announced = AsyncDisposable & { replaced: string | null };

/**
 * Writes down how to reach the running stack, for the command line (cli/target.ts). At the end the stack that stood there before
 * gets its place back if it still runs; what a later stack wrote is left alone.
 */
export async function announceStack(description: Record<string, unknown>, file = stackFile): Promise<Announced> {
  const text = JSON.stringify(description, null, 2);
  const before = await readText(file);
  const replaced = await runningAt(before);
  await Deno.mkdir(dirname(file), { recursive: true });
  await write(file, text);
  return {
    replaced,
    async [Symbol.asyncDispose]() {
      if (await readText(file) !== text) return;
      if (before !== null && await runningAt(before)) await write(file, before);
      else await Deno.remove(file);
    },
  };
}

/** The address of a stack that answers to its own key: a port alone may belong to somebody else by now. */
async function runningAt(text: string | null): Promise<string | null> {
  try {
    const { apiUrl, secretKey } = another.parse(JSON.parse(text ?? "null"));
    const response = await fetch(`${apiUrl}/rest/v1/lapse_metrics?select=job`, {
      headers: { apikey: secretKey },
      signal: AbortSignal.timeout(2_000),
    });
    await response.body?.cancel();
    return response.ok ? apiUrl : null;
  } catch {
    return null;
  }
}

async function write(file: string, text: string): Promise<void> {
  await Deno.writeTextFile(file, text, { mode: 0o600 });
}

async function readText(file: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
